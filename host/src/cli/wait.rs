//! `wait`: long polls until an instance has settled or the time is over.

use std::time::{Duration, Instant};

use super::args::{Until, WaitArgs};
use super::client::{Answer, Client};
use super::error::{Error, Exit};
use super::output::Output;
use super::read::instance_table;
use super::table::cell;
use super::{clean, duration};

/// Below the API's own bound of 60 s, so that a proxy with a usual idle timeout does not cut the answer off.
const POLL_MAX: Duration = Duration::from_secs(30);
/// The pause after a poll that ended early: a server that answers at once must not be asked in a tight loop.
const PAUSE: Duration = Duration::from_millis(200);
const STATUS_BUSY: u16 = 202;

/// Waits for an instance and prints it.
pub(crate) async fn wait(client: &Client, output: &Output, args: &WaitArgs) -> Result<Exit, Error> {
    watch(client, output, &args.id, args.until, args.timeout).await
}

/// Waits up to `timeout`, prints where the instance stands, and says whether that is a good end.
pub(crate) async fn watch(
    client: &Client,
    output: &Output,
    id: &str,
    until: Until,
    timeout: Duration,
) -> Result<Exit, Error> {
    let answer = {
        let _spinner = output.progress(format!("waiting for instance {id}"));
        poll(client, id, until, timeout).await?
    };
    output.answer(&answer, instance_table)?;
    if answer.status == STATUS_BUSY {
        let (status, step) = (cell(&answer.value, "status"), cell(&answer.value, "step"));
        let after = duration::format(timeout);
        let id = clean::line(id);
        output.note(&format!("instance {id} is {status} at step {step} after {after}; go on with `gd-host wait {id}`"));
    }
    Ok(verdict(&answer))
}

async fn poll(client: &Client, id: &str, until: Until, timeout: Duration) -> Result<Answer, Error> {
    let started = Instant::now();
    loop {
        let hold = timeout.saturating_sub(started.elapsed()).min(POLL_MAX);
        let asked = Instant::now();
        let query = [("timeout_ms", hold.as_millis().to_string()), ("until", name(until).to_owned())];
        let answer = client.get_held(&["instances", id, "wait"], &query, hold).await?;
        let left = timeout.saturating_sub(started.elapsed());
        // The server counts whole milliseconds; what is left of one is not worth a request.
        if answer.status != STATUS_BUSY || left < Duration::from_millis(1) {
            return Ok(answer);
        }
        if asked.elapsed() < hold {
            tokio::time::sleep(PAUSE.min(left)).await;
        }
    }
}

fn name(until: Until) -> &'static str {
    match until {
        Until::Settled => "settled",
        Until::Terminal => "terminal",
    }
}

/// A parked instance is a good end for who waited for `settled`; the server says so with its status.
fn verdict(answer: &Answer) -> Exit {
    let ended_badly = matches!(answer.value["status"].as_str(), Some("failed" | "cancelled"));
    if answer.status == STATUS_BUSY || ended_badly { Exit::Failed } else { Exit::Ok }
}
