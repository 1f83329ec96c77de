//! A client that talks to whichever host answers, and knows what it does not know.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Client as Http;
use serde_json::Value;

use gd_tests::Random;

/// How long an answer is waited for: a host may be frozen.
const ANSWER: Duration = Duration::from_secs(5);
/// One request in so many is not waited for: its client hangs up within so many milliseconds, wherever the host is with it.
const HANG_UP: (u64, u64) = (25, 30);

/// Where the two hosts are at present.
#[derive(Debug, Default)]
pub(crate) struct Addresses(Mutex<[Option<String>; 2]>);

impl Addresses {
    pub(crate) fn set(&self, host: usize, address: Option<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)[host] = address;
    }

    /// One that serves.
    pub(crate) fn first(&self) -> Option<String> {
        self.known().first().cloned()
    }

    fn known(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().flatten().cloned().collect()
    }
}

/// What came back.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// A host says what happened: status and body.
    Told(u16, Value),
    /// It may have happened or not.
    Unknown,
    /// No host was there to take it: it has not happened.
    NotSent,
}

impl Answer {
    /// The code of a refusal.
    pub(crate) fn code(&self) -> &str {
        match self {
            Self::Told(_, body) => body["code"].as_str().unwrap_or_default(),
            Self::Unknown | Self::NotSent => "",
        }
    }
}

/// Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    http: Http,
    hosts: Arc<Addresses>,
    hung_up: Arc<AtomicU64>,
}

impl Client {
    pub(crate) fn new(hosts: Arc<Addresses>) -> anyhow::Result<Self> {
        // An error means that a provider was installed before.
        drop(rustls::crypto::ring::default_provider().install_default());
        let builder = Http::builder().no_proxy().tls_certs_only([]).timeout(ANSWER).connect_timeout(ANSWER);
        Ok(Self { http: builder.build()?, hosts, hung_up: Arc::default() })
    }

    /// Posts to a host of chance, to the other one where the first cannot be reached; now and then without the patience to wait for
    /// the answer.
    pub(crate) async fn post(&self, random: &mut Random, path: &str, body: &Value) -> Answer {
        let mut hosts = self.hosts.known();
        random.shuffle(&mut hosts);
        for host in hosts {
            let hangs_up = random.one_in(HANG_UP.0).then(|| Duration::from_millis(random.between(1..=HANG_UP.1)));
            let request = self.http.post(format!("{host}{path}")).body(body.to_string());
            match request.timeout(hangs_up.unwrap_or(ANSWER)).send().await {
                Ok(response) => return told(response).await,
                Err(error) if error.is_connect() => {}
                Err(_) => {
                    self.hung_up.fetch_add(u64::from(hangs_up.is_some()), Ordering::Relaxed);
                    return Answer::Unknown;
                }
            }
        }
        Answer::NotSent
    }

    /// Requests that were given up early on purpose.
    pub(crate) fn hung_up(&self) -> u64 {
        self.hung_up.load(Ordering::Relaxed)
    }

    /// Reads from a host that answers.
    pub(crate) async fn get(&self, path: &str) -> Option<Value> {
        for host in self.hosts.known() {
            if let Ok(response) = self.http.get(format!("{host}{path}")).send().await
                && let Answer::Told(200, body) = told(response).await
            {
                return Some(body);
            }
        }
        None
    }
}

/// A host that is in trouble itself says nothing about what happened.
async fn told(response: reqwest::Response) -> Answer {
    let status = response.status().as_u16();
    match response.text().await.ok().and_then(|text| serde_json::from_str(&text).ok()) {
        Some(body) if status < 500 => Answer::Told(status, body),
        Some(_) | None => Answer::Unknown,
    }
}
