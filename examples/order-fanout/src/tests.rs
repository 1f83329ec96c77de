//! What each step decides, natively.

use gd_guest::{Transition, testing};

use super::*;

fn order(articles: &[&str]) -> Fanout {
    let lines: Vec<Value> =
        articles.iter().map(|article| json!({ "article": article, "warehouse": "north" })).collect();
    serde_json::from_value(json!({ "order": 7, "lines": lines })).unwrap()
}

#[test]
fn an_order_makes_a_child_of_each_line() {
    let outcome = Fanout::split.call(order(&["lamp", "chair"]), &testing::ctx()).unwrap();
    let Transition::ScheduleChildren { children, .. } = outcome.transition() else { panic!("{outcome:?}") };
    assert_eq!((children.len(), outcome.step()), (2, Some("close")));
}

#[test]
fn a_line_is_picked_or_is_missing() {
    let line = |article: &str| Fanout::Line(Line { article: article.into(), warehouse: "north".into(), pick_ms: 0 });
    let picked = Fanout::pick.call(line("lamp"), &testing::ctx()).unwrap();
    assert_eq!(picked.result::<Value>().unwrap(), json!({ "article": "lamp", "from": "north" }));
    let missing = Fanout::pick.call(line(""), &testing::ctx()).unwrap();
    let Transition::Stop(reason) = missing.transition() else { panic!("{missing:?}") };
    assert_eq!(reason.code.as_deref(), Some("no-article"));
}

#[test]
fn an_order_closes_with_what_was_picked() {
    let outcome = Fanout::close.call(order(&["lamp", "chair"]), &testing::joined([])).unwrap();
    assert_eq!(outcome.result::<Value>().unwrap(), json!({ "order": 7, "picked": 0, "missing": 2 }));
}
