//! Values of options that are more than a number or a name.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;

use jiff::Timestamp;

/// A host and port that guests may reach, written `HOST:PORT`; an IPv6 address in brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPort {
    /// A name or an address, without brackets.
    pub host: String,
    /// 1 to 65535.
    pub port: u16,
}

impl FromStr for HostPort {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "write it as HOST:PORT, such as api.example.com:443 or [::1]:8080".to_owned();
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let port = port.parse().ok().filter(|port| *port != 0).ok_or_else(wrong)?;
        let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(address) => address.parse::<std::net::Ipv6Addr>().map_err(|_| wrong())?.to_string(),
            None => host.to_owned(),
        };
        let is_name = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '*');
        if host.is_empty() || !(host.chars().all(is_name) || host.contains(':') && text.starts_with('[')) {
            return Err(wrong());
        }
        Ok(Self { host, port })
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

/// Whom a signal is for, written `ID` or `key:KEY`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The instance with this id.
    Id(String),
    /// The live instance that holds this correlation key.
    Key(String),
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("key:") {
            Some("") => Err("write the correlation key after key:, such as key:INV-1".to_owned()),
            Some(key) => Ok(Self::Key(key.to_owned())),
            None => Ok(Self::Id(text.to_owned())),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "instance {id}"),
            Self::Key(key) => write!(f, "the holder of key {key}"),
        }
    }
}

/// How long a correlation key stays taken, as the API has it: the statuses under which it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyScope(pub Vec<String>);

/// Reads `live`, `none`, or ends beyond which the key is kept.
pub(super) fn key_scope(text: &str) -> Result<KeyScope, String> {
    let words: Vec<&str> = text.split(',').map(str::trim).collect();
    let known = |word: &&str| matches!(*word, "live" | "done" | "failed" | "cancelled");
    match words.as_slice() {
        ["none"] => Ok(KeyScope(Vec::new())),
        words if words.iter().all(known) => {
            let ends = words.iter().filter(|word| **word != "live").map(|word| (*word).to_owned());
            Ok(KeyScope(std::iter::once("live".to_owned()).chain(ends).collect()))
        }
        _ => Err("write live, none, or ends beyond which the key is kept, such as done,failed,cancelled".to_owned()),
    }
}

/// Reads `ADDRESS:PORT`; `localhost` is 127.0.0.1, and port 0 lets the system choose.
pub(super) fn listen(text: &str) -> Result<SocketAddr, String> {
    let local = text.strip_prefix("localhost:").and_then(|port| port.parse().ok());
    if let Some(port) = local {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    text.parse().map_err(|_| "write it as ADDRESS:PORT, such as 127.0.0.1:7070 or [::]:7070".to_owned())
}

/// Names that cargo refuses for a crate, or that the crate's own dependencies have.
const TAKEN: [&str; 12] = [
    "alloc",
    "build",
    "core",
    "deps",
    "examples",
    "gd-guest",
    "gd-guest-macros",
    "incremental",
    "proc-macro",
    "serde",
    "std",
    "test",
];
/// What Rust reserves; as the name of a crate it could not be written in code.
const KEYWORDS: &str = " abstract as async await become box break const continue crate do dyn else enum extern false final fn for gen if \
    impl in let loop macro match mod move mut override priv pub ref return self static struct super trait true try type typeof unsafe \
    unsized use virtual where while yield ";
/// Longest name of a new crate. Chosen: it names files and folders as well.
const CRATE_NAME_BYTES_MAX: usize = 64;

/// Reads the name of a new FSM, which is its crate's as well.
pub(super) fn crate_name(text: &str) -> Result<String, String> {
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    if !text.starts_with(|c: char| c.is_ascii_lowercase()) || !text.chars().all(is_name) {
        return Err(
            "write it with lower-case letters, digits, - and _, and begin with a letter, such as order-flow".to_owned()
        );
    }
    if text.len() > CRATE_NAME_BYTES_MAX {
        return Err(format!("it is {} characters long, the limit is {CRATE_NAME_BYTES_MAX}", text.len()));
    }
    let reserved = KEYWORDS.split_whitespace().any(|keyword| keyword == text);
    if reserved || TAKEN.contains(&text.replace('_', "-").as_str()) {
        return Err(format!("{text} has a meaning of its own for Rust or for the crate; choose another name"));
    }
    Ok(text.to_owned())
}

/// Reads a point in time with an offset.
pub(super) fn timestamp(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| "write it as RFC 3339 with an offset, such as 2030-01-31T09:00:00Z".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_and_port_reads_back_as_written() {
        for text in ["api.example.com:443", "127.0.0.1:8080", "[::1]:80", "*.example.com:443", "my_host:1"] {
            assert_eq!(text.parse::<HostPort>().unwrap().to_string(), text);
        }
        for text in
            ["", "host", "host:", ":1", "host:0", "host:65536", "http://h:1", "a/b:1", "::1:80", "[x]:1", "[]:1"]
        {
            assert!(text.parse::<HostPort>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_target_is_an_id_unless_it_begins_with_key() {
        assert_eq!("42".parse(), Ok(Target::Id("42".to_owned())));
        assert_eq!("key:INV:1".parse(), Ok(Target::Key("INV:1".to_owned())));
    }

    #[test]
    fn a_scope_holds_what_lives_unless_there_is_none() {
        let scope = |text: &str| key_scope(text).map(|KeyScope(words)| words.join(" "));
        for (text, expected) in [("live", "live"), ("none", ""), ("done", "live done"), ("live, failed", "live failed")]
        {
            assert_eq!(scope(text).as_deref(), Ok(expected), "{text}");
        }
        for text in ["", "none,done", "ended", "done,"] {
            assert!(scope(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_new_fsm_has_a_name_that_a_crate_can_have() {
        for name in ["hello", "order-flow", "a1_b", &"x".repeat(64)] {
            assert_eq!(crate_name(name).as_deref(), Ok(name));
        }
        for name in
            ["", "Hello", "1st", "-x", "a b", "ä", "../x", "match", "serde", "gd_guest", "test", &"x".repeat(65)]
        {
            assert!(crate_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_listen_address_may_be_localhost() {
        assert_eq!(listen("localhost:7070").unwrap().to_string(), "127.0.0.1:7070");
        assert_eq!(listen("[::]:0").unwrap().to_string(), "[::]:0");
        assert!(listen("7070").is_err());
    }
}
