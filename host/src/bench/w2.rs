//! W2: how long one caller waits for a result on a host that has nothing else to do.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::cost::Before;
use super::machine::Machine;
use super::run::Run;
use super::samples::Samples;
use super::subject::Subject;
use super::{Error, Yardstick};
use crate::api;

/// Every round: orders of one step and of five.
pub(super) async fn measure(run: &Run<'_>, subject: &mut Subject) -> Result<Samples, Error> {
    let five = Machine::order(run.args)?;
    subject.deploy(&five).await?;
    let one = Machine { step: "close", steps: 1, ..five.clone() };
    let (shapes, instances) = ([one, five], run.instances());
    run.rounds(subject, "", async |subject, yardstick| round(subject, &shapes, instances, yardstick).await).await
}

/// One round: instances of either shape, one at a time, called in process and over HTTP.
async fn round(
    subject: &mut Subject,
    shapes: &[Machine],
    instances: u32,
    yardstick: Option<Yardstick>,
) -> Result<Samples, Error> {
    let mut samples = Samples::default();
    subject.settle().await?;
    let before = Before::now(subject.postmaster);
    for shape in shapes {
        let times = in_process(subject, instances, shape).await?;
        add(&mut samples, ("call", "called in process"), shape.steps, &times, yardstick);
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(Error::system("listen on 127.0.0.1"))?;
    let address = listener.local_addr().map_err(Error::system("listen on 127.0.0.1"))?;
    let client = Client::new(format!("http://{address}"))?;
    let server = axum::serve(listener, api::router(subject.host.clone(), None));
    let calls = async {
        for shape in shapes {
            let times = client.measure(instances, shape).await?;
            add(&mut samples, ("http", "over HTTP"), shape.steps, &times, yardstick);
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

/// How long each of so many instances takes, one at a time, from its start to its result.
pub(super) async fn in_process(subject: &Subject, instances: u32, machine: &Machine) -> Result<Vec<Duration>, Error> {
    let mut times = Vec::new();
    for _ in 0..instances {
        let clock = Instant::now();
        let id = subject.begin(machine).await?;
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
    let label = format!("{steps} step{} {label}", if steps == 1 { "" } else { "s" });
    samples.add_times(&format!("{key}_{steps}"), &label, times, yardstick.map(|yardstick| yardstick.commit));
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

    async fn measure(&self, instances: u32, machine: &Machine) -> Result<Vec<Duration>, Error> {
        let state: Value = serde_json::from_str(&machine.state).unwrap_or_default();
        let body = json!({ "fsm": machine.fsm, "step": machine.step, "state": state }).to_string();
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
