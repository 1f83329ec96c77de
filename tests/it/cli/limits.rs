//! Limits on the command line and in the configuration file.

use serde_json::json;

use super::{Served, says};

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_is_set_listed_and_removed() {
    let served = Served::new(&[]).await;
    let set = ["limit", "set", "mail", "--allowed", "100", "--per", "1m", "--burst", "7"];
    says(&served.run(&set).await, 0, &["limit mail: 100 per 1m, burst 7"]);
    says(&served.run(&["limit", "set", "tree", "--slots", "5"]).await, 0, &["limit tree: 5 slots"]);
    says(&served.run(&["limit", "list"]).await, 0, &["100 per 1m, burst 7", "5 slots", "api"]);
    let remove = ["limit", "remove", "mail", "--kind", "rate"];
    says(&served.run(&remove).await, 0, &["rate limit mail is removed; none counts now"]);
    says(&served.run(&remove).await, 3, &["code: unknown-limit", "gd-host limit list"]);
    says(&served.run(&["limit", "set", "a:b", "--slots", "5"]).await, 1, &["code: invalid-argument"]);
    says(&served.run(&["limit", "set", "a"]).await, 2, &["--slots"]);
    says(&served.run(&["limit", "set", "a", "--slots", "5", "--allowed", "2"]).await, 2, &["--slots"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_file_sets_the_defaults() {
    let file = std::env::temp_dir().join(format!("gd-limits-{}.toml", std::process::id()));
    let text = "[limits.mail]\nkind = \"rate\"\nallowed = 100\nperiod_ms = 1000\n\n[limits.tree]\nkind = \"concurrency\"\nslots = 5\n";
    std::fs::write(&file, text).unwrap();
    let served = Served::new(&["--config", file.to_str().unwrap()]).await;
    let listed = served.json(&["limit", "list"]).await;
    assert_eq!(listed["items"][0]["allowed"], json!(100), "{listed}");
    assert_eq!((&listed["items"][1]["slots"], &listed["items"][1]["default"]), (&json!(5), &json!(true)), "{listed}");
    says(&served.run(&["limit", "remove", "mail", "--kind", "rate"]).await, 3, &["configuration", "limit set mail"]);
    for wrong in ["[limits.\"a:b\"]\nkind = \"concurrency\"\nslots = 5\n", "[limits.a]\nkind = \"rate\"\nallowd = 1\n"]
    {
        std::fs::write(&file, wrong).unwrap();
        let serve = ["serve", "--database-url", served.database.url(), "--config", file.to_str().unwrap()];
        let ran = gd_tests::gd_host(&serve).await;
        assert_ne!(ran.code, 0, "{ran:?}");
        assert!(ran.stderr.contains("a:b") || ran.stderr.contains("allowd"), "{ran:?}");
    }
    std::fs::remove_file(&file).unwrap();
}
