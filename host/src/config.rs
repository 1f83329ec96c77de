//! The configuration of `serve`: flags and environment before `gd.toml` before the defaults.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use crate::api::GivenLimit;
use crate::cli::{Kept, ServeArgs, kept};
use crate::engine::{Maintenance, Queues};
use crate::error::Error;
use crate::host::check_limit;
use crate::store::Limit;

/// The shortest lease: three beats.
const LEASE_MIN: Duration = Duration::from_secs(3);

/// What a host serves, and how.
pub struct Config {
    /// The database.
    pub database_url: String,
    /// Address of the API. Default 127.0.0.1:7070.
    pub listen: SocketAddr,
    /// What guests may reach. Default: nothing.
    pub allow_egress: Vec<String>,
    /// What this host runs. Default: every queue.
    pub queues: Queues,
    /// Whether it looks after the database for all. Default: it does.
    pub maintenance: Maintenance,
    /// Steps at the same time, over all queues. Default 512.
    pub concurrency: Option<u32>,
    /// Instances claimed per queue beyond the steps that may run. Default 0.
    pub prefetch: Option<u32>,
    /// Free places of a queue that are worth a claim. Default 1.
    pub min_demand: Option<u32>,
    /// How long a worker lives without a beat. Default 30 s.
    pub lease: Option<Duration>,
    /// How long ended instances are kept. Default a day.
    pub retention: Option<Kept>,
    /// Time for running steps when the host stops. Default 5 s.
    pub drain: Duration,
    /// The token that requests must carry.
    pub api_token: Option<String>,
    /// Limits of every tenant that has none of its own by that name.
    pub limits: Vec<(String, Limit)>,
}

/// `gd.toml`. A key that is not known here is refused, so that a typo is not silently a default.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    database_url: Option<String>,
    listen: Option<SocketAddr>,
    allow_egress: Option<Vec<String>>,
    queues: Option<Queues>,
    no_maintenance: Option<bool>,
    concurrency: Option<NonZeroU32>,
    prefetch: Option<u32>,
    min_demand: Option<NonZeroU32>,
    lease_ms: Option<u64>,
    #[serde(default, deserialize_with = "retention")]
    retention: Option<Kept>,
    drain_timeout_ms: Option<u64>,
    api_token: Option<String>,
    #[serde(default)]
    limits: BTreeMap<String, GivenLimit>,
}

impl Config {
    /// Puts flags, environment and file together.
    ///
    /// # Errors
    /// A sentence about what is wrong or missing.
    pub fn load(args: ServeArgs) -> Result<Self, Error> {
        let file = args.config.as_deref().map_or_else(|| Ok(File::default()), read)?;
        let missing =
            || Error::Config("no database: set --database-url, GD_DATABASE_URL or database_url in gd.toml".into());
        let flags: Vec<String> = args.allow_egress.iter().map(ToString::to_string).collect();
        let config = Self {
            database_url: args.database_url.or(file.database_url).ok_or_else(missing)?,
            listen: args.listen.or(file.listen).unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, 7070))),
            allow_egress: if flags.is_empty() { file.allow_egress.unwrap_or_default() } else { flags },
            queues: args.queues.or(file.queues).unwrap_or_default(),
            maintenance: match args.no_maintenance || file.no_maintenance.unwrap_or_default() {
                true => Maintenance::Off,
                false => Maintenance::On,
            },
            concurrency: args.concurrency.or(file.concurrency).map(NonZeroU32::get),
            prefetch: args.prefetch.or(file.prefetch),
            min_demand: args.min_demand.or(file.min_demand).map(NonZeroU32::get),
            lease: args.lease.or(file.lease_ms.map(Duration::from_millis)),
            retention: args.retention.or(file.retention),
            drain: args
                .drain_timeout
                .or(file.drain_timeout_ms.map(Duration::from_millis))
                .unwrap_or(Duration::from_secs(5)),
            api_token: args.api_token.or(file.api_token).filter(|token| !token.is_empty()),
            limits: file.limits.into_iter().map(|(name, given)| (name, given.into())).collect(),
        };
        config.check()?;
        Ok(config)
    }

    /// Without a token, only this machine may reach the API; steps at once are counted in one way; a lease is long enough to be kept.
    fn check(&self) -> Result<(), Error> {
        if self.api_token.is_none() && !self.listen.ip().is_loopback() {
            return Err(Error::Config(format!(
                "{} can be reached from other machines and no token is set: set --api-token or GD_API_TOKEN, or listen on 127.0.0.1",
                self.listen
            )));
        }
        if self.queues != Queues::All && self.concurrency.is_some() {
            return Err(Error::Config(format!(
                "concurrency is for a host that runs all queues, and this one runs {}: leave --concurrency away, and write the \
                 number of steps behind each queue, such as --queues mail:10",
                self.queues
            )));
        }
        if let Some(lease) = self.lease.filter(|lease| *lease < LEASE_MIN) {
            return Err(Error::Config(format!(
                "a lease of {lease:?} is too short: a worker beats every second and may miss two; set --lease to {LEASE_MIN:?} or more"
            )));
        }
        for (name, limit) in &self.limits {
            check_limit(name, limit).map_err(|error| Error::Config(error.to_string()))?;
        }
        Ok(())
    }
}

/// As on the command line: a duration, or `off`.
fn retention<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Kept>, D::Error> {
    kept(&String::deserialize(deserializer)?).map(Some).map_err(serde::de::Error::custom)
}

fn read(path: &Path) -> Result<File, Error> {
    let wrong =
        |reason: String| Error::Config(format!("the configuration {} cannot be used: {reason}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    toml::from_str(&text).map_err(|error| wrong(error.to_string()))
}
