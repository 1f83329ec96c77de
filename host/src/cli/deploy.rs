//! `deploy`: a component becomes the next version of its FSM.

use std::path::Path;

use serde_json::json;

use super::args::{DeployArgs, History};
use super::clean;
use super::client::Client;
use super::error::{Error, Exit};
use super::output::Output;
use super::table::cell;

/// What the API accepts at most.
const COMPONENT_BYTES_MAX: u64 = 64 << 20;

/// Sends the file and prints which version it became; warnings go to stderr.
pub(crate) async fn deploy(client: &Client, output: &Output, args: &DeployArgs) -> Result<Exit, Error> {
    let bytes = component(&args.file).await?;
    let size = size(bytes.len() as u64);
    let answer = {
        let _spinner = output.progress(format!("deploying {} ({size})", args.file.display()));
        client.post_component(bytes).await?
    };
    output.answer(&answer, |deployed| {
        let name = format!("{} version {}", cell(deployed, "fsm"), cell(deployed, "version"));
        match deployed["created"].as_bool() {
            Some(false) => format!("{name} is already deployed"),
            Some(true) | None => format!("{name} deployed ({}, {size})", short_digest(&cell(deployed, "digest"))),
        }
    })?;
    for warning in answer.value["warnings"].as_array().into_iter().flatten().filter_map(|warning| warning.as_str()) {
        output.warning(warning);
    }
    if let Some(level) = args.history {
        keep(client, output, &cell(&answer.value, "fsm"), level).await?;
    }
    Ok(Exit::Ok)
}

/// Sets how much the history of the FSM keeps.
async fn keep(client: &Client, output: &Output, fsm: &str, level: History) -> Result<(), Error> {
    let level = match level {
        History::Off => "off",
        History::Transitions => "transitions",
        History::Full => "full",
    };
    client.post(&["fsms", fsm, "history"], &json!({ "level": level })).await?;
    output.note(&format!("the history of {fsm} keeps: {level}"));
    Ok(())
}

async fn component(file: &Path) -> Result<Vec<u8>, Error> {
    let shown = file.display();
    let unreadable = |error| Error::argument(format!("cannot read the component {shown}: {error}"));
    let found = tokio::fs::metadata(file).await.map_err(unreadable)?;
    if !found.is_file() {
        return Err(Error::argument(format!("{shown} is not a file; pass the component that the build wrote")));
    }
    if found.len() > COMPONENT_BYTES_MAX {
        return Err(Error::TooLarge { file: shown.to_string(), size: found.len(), limit: COMPONENT_BYTES_MAX });
    }
    tokio::fs::read(file).await.map_err(unreadable)
}

/// `sha256:` and the first twelve digits.
pub(crate) fn short_digest(digest: &str) -> String {
    match digest.char_indices().nth("sha256:".len() + 12) {
        Some((end, _)) => clean::line(&format!("{}…", &digest[..end])),
        None => clean::line(digest),
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", bytes.div_ceil(1024)),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_short() {
        let check = |bytes: u64, expected: &str| assert_eq!(size(bytes), expected);
        check(1023, "1023 B");
        check(120_500, "118 KiB");
        check(3 << 19, "1.5 MiB");
    }

    #[test]
    fn a_digest_is_cut_after_twelve_digits() {
        assert_eq!(short_digest("sha256:abcdef1234567890"), "sha256:abcdef123456…");
        assert_eq!(short_digest("-"), "-");
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_a_component_is_refused_before_anything_is_sent() {
        let missing = component(Path::new("/no/such/file.wasm")).await.unwrap_err();
        assert_eq!(missing.exit(), Exit::Usage);
        assert!(missing.to_string().contains("/no/such/file.wasm"), "{missing}");
        assert_eq!(component(&std::env::temp_dir()).await.unwrap_err().exit(), Exit::Usage);

        let path = std::env::temp_dir().join(format!("gd-deploy-{}.wasm", std::process::id()));
        // A sparse file: no disk is used.
        std::fs::File::create(&path).unwrap().set_len(COMPONENT_BYTES_MAX + 1).unwrap();
        let large = component(&path).await.unwrap_err();
        std::fs::remove_file(&path).unwrap();
        assert_eq!((large.code(), large.exit()), ("component-too-large", Exit::Failed));
    }
}
