//! The host's HTTP API, as far as the demo needs it.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use ureq::Agent;

/// How long a call is tried again while the host is down. It is down for a second or two at a time.
const RETRY_WAIT: Duration = Duration::from_secs(60);
const RETRY_PAUSE: Duration = Duration::from_millis(50);
const CALL_WAIT: Duration = Duration::from_secs(15);
const LIVE: [&str; 4] = ["runnable", "executing", "awaiting_signal", "awaiting_children"];

/// A client; cheap to clone, usable from any thread.
#[derive(Clone)]
pub(super) struct Api {
    agent: Agent,
    base: String,
}

/// An answer, whatever its status.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
}

impl Answer {
    /// The host's own code for a refusal, such as `duplicate`.
    pub(super) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}

/// An instance, as listed and as read.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Instance {
    pub(super) id: String,
    pub(super) status: String,
    #[serde(default)]
    pub(super) result: Value,
    pub(super) error: Option<Problem>,
}

/// Why something failed.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Problem {
    pub(super) kind: String,
    pub(super) message: String,
    pub(super) code: Option<String>,
}

/// One attempt of a step.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Attempt {
    pub(super) claim: u64,
    pub(super) visit: u64,
    pub(super) step: String,
    pub(super) outcome: String,
    pub(super) at: Timestamp,
}

#[derive(Deserialize)]
struct Page<T> {
    items: Vec<T>,
    next: Option<String>,
}

impl Api {
    pub(super) fn new(base: &str) -> Self {
        let config = Agent::config_builder().http_status_as_error(false).timeout_global(Some(CALL_WAIT)).build();
        Self { agent: config.into(), base: base.to_owned() }
    }

    /// One try.
    pub(super) fn get(&self, path: &str) -> anyhow::Result<Answer> {
        let mut response = self.agent.get(format!("{}{path}", self.base)).call()?;
        let status = response.status().as_u16();
        Ok(Answer { status, body: read(&response.body_mut().read_to_string()?) })
    }

    /// One try.
    pub(super) fn post(&self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        let mut response = self.agent.post(format!("{}{path}", self.base)).send_json(body)?;
        let status = response.status().as_u16();
        Ok(Answer { status, body: read(&response.body_mut().read_to_string()?) })
    }

    /// Tries again while the host is down or says 5xx.
    pub(super) fn post_until_answered(&self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        persist(|| self.post(path, body)).with_context(|| format!("POST {path}"))
    }

    /// Tries again while the host is down or says 5xx.
    pub(super) fn get_until_answered(&self, path: &str) -> anyhow::Result<Answer> {
        persist(|| self.get(path)).with_context(|| format!("GET {path}"))
    }

    /// The instances that have `status` now.
    pub(super) fn with_status(&self, status: &str) -> anyhow::Result<Vec<Instance>> {
        self.pages(&format!("/v1/instances?fsm=billing&status={status}&limit=1000"))
    }

    /// How many instances have not ended.
    pub(super) fn count_live(&self) -> anyhow::Result<usize> {
        LIVE.iter().map(|status| self.with_status(status).map(|found| found.len())).sum()
    }

    /// One instance; none when the host does not know it.
    pub(super) fn instance(&self, id: &str) -> anyhow::Result<Option<Instance>> {
        let path = format!("/v1/instances/{id}");
        let answer = self.get_until_answered(&path)?;
        match answer.status {
            200 => serde_json::from_value(answer.body).with_context(|| format!("GET {path}")).map(Some),
            404 => Ok(None),
            other => bail!("GET {path}: {other} {}", answer.body),
        }
    }

    /// All attempts of one instance, oldest first.
    pub(super) fn history(&self, id: &str) -> anyhow::Result<Vec<Attempt>> {
        self.pages(&format!("/v1/instances/{id}/history?limit=1000"))
    }

    fn pages<T: for<'de> Deserialize<'de>>(&self, path: &str) -> anyhow::Result<Vec<T>> {
        let mut all = Vec::new();
        let mut cursor = String::new();
        loop {
            let full = format!("{path}{cursor}");
            let answer = self.get_until_answered(&full)?;
            if answer.status != 200 {
                bail!("GET {full}: {} {}", answer.status, answer.body);
            }
            let page: Page<T> = serde_json::from_value(answer.body).with_context(|| format!("GET {full}"))?;
            all.extend(page.items);
            match page.next {
                Some(next) => cursor = format!("&cursor={}", encoded(&next)),
                None => return Ok(all),
            }
        }
    }
}

fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

fn persist(mut call: impl FnMut() -> anyhow::Result<Answer>) -> anyhow::Result<Answer> {
    let deadline = Instant::now() + RETRY_WAIT;
    loop {
        match call() {
            Ok(answer) if answer.status < 500 => return Ok(answer),
            Ok(answer) if Instant::now() > deadline => return Ok(answer),
            Err(error) if Instant::now() > deadline => return Err(error),
            Ok(_) | Err(_) => thread::sleep(RETRY_PAUSE),
        }
    }
}

/// A cursor is opaque: it may hold any character.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
