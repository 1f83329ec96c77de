//! W2: how long one caller waits for a result on a host that has nothing else to do.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::cost::Before;
use super::samples::Samples;
use super::stats::percentile;
use super::subject::Subject;
use super::{Error, Yardstick};
use crate::api;

/// Shapes of an instance: how many steps it runs, and where it starts for that.
const SHAPES: [(u32, Option<&str>); 2] = [(1, Some("close")), (5, None)];

/// One round: instances of either shape, one at a time, called in process and over HTTP.
pub(super) async fn round(
    subject: &mut Subject,
    instances: u32,
    yardstick: Option<Yardstick>,
) -> Result<Samples, Error> {
    let mut samples = Samples::default();
    subject.settle().await?;
    let before = Before::now(subject.postmaster);
    for (steps, step) in SHAPES {
        let times = in_process(subject, instances, step).await?;
        add(&mut samples, ("call", "called in process"), steps, &times, yardstick);
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(Error::system("listen on 127.0.0.1"))?;
    let address = listener.local_addr().map_err(Error::system("listen on 127.0.0.1"))?;
    let client = Client::new(format!("http://{address}"))?;
    let server = axum::serve(listener, api::router(subject.host.clone(), None));
    let calls = async {
        for (steps, step) in SHAPES {
            let times = client.measure(subject, instances, step).await?;
            add(&mut samples, ("http", "over HTTP"), steps, &times, yardstick);
        }
        Ok::<_, Error>(())
    };
    tokio::select! {
        done = calls => done?,
        ended = server => ended.map_err(Error::system("serve the API"))?,
    }
    samples.add_known("other_cpu_percent", "CPU of others meanwhile", "%", before.cost().others_percent);
    Ok(samples)
}

async fn in_process(subject: &Subject, instances: u32, step: Option<&str>) -> Result<Vec<Duration>, Error> {
    let mut times = Vec::new();
    for _ in 0..instances {
        let clock = Instant::now();
        let id = subject.begin(step).await?;
        subject.result(id).await?;
        times.push(clock.elapsed());
    }
    Ok(times)
}

fn add(
    samples: &mut Samples,
    (key, label): (&str, &str),
    steps: u32,
    times: &[Duration],
    yardstick: Option<Yardstick>,
) {
    let millis: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1_000.0).collect();
    let name = format!("{steps} step{} {label}", if steps == 1 { "" } else { "s" });
    for percent in [50, 99] {
        let Some(millis) = percentile(&millis, percent) else { continue };
        samples.add(format!("{key}_{steps}_ms_p{percent}"), format!("{name}, p{percent}"), "ms", millis);
        let commits = yardstick.map(|yardstick| millis / 1_000.0 / yardstick.commit.as_secs_f64());
        samples.add_known(format!("{key}_{steps}_commits_p{percent}"), "", "commits", commits);
    }
}

/// A caller of the API with one connection that it keeps.
struct Client {
    base: String,
    http: reqwest::Client,
}

impl Client {
    fn new(base: String) -> Result<Self, Error> {
        // reqwest brings no cryptography of its own here, and wants some although none is used.
        let _chosen_before = rustls::crypto::ring::default_provider().install_default();
        Ok(Self { base, http: reqwest::Client::builder().no_proxy().tls_certs_only([]).build()? })
    }

    async fn measure(&self, subject: &Subject, instances: u32, step: Option<&str>) -> Result<Vec<Duration>, Error> {
        let state: Value = serde_json::from_str(&subject.state).unwrap_or_default();
        let body = json!({ "fsm": "order", "step": step, "state": state }).to_string();
        let mut times = Vec::new();
        for _ in 0..instances {
            let clock = Instant::now();
            let started: Value =
                self.answer(self.http.post(format!("{}/v1/instances", self.base)).body(body.clone())).await?;
            let id = started["id"].as_str().unwrap_or_default();
            let ended = self.answer(self.http.get(format!("{}/v1/instances/{id}/wait", self.base))).await?;
            times.push(clock.elapsed());
            if ended["status"] != "done" {
                return Err(Error::Answer(ended["status"].to_string(), "\"done\""));
            }
        }
        Ok(times)
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Result<Value, Error> {
        let request = request.header("content-type", "application/json");
        Ok(request.send().await?.error_for_status()?.json().await?)
    }
}
