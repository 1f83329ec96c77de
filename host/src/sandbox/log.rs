//! What a guest logs, prints and panics with, kept per attempt up to a cap.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use super::StepLimits;

/// Fields of one line at most.
const FIELDS_MAX: usize = 64;

/// How loud a line is. `Stdout` and `Stderr` are lines that the guest printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum LogLevel {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
    Stdout,
    Stderr,
}

impl LogLevel {
    /// The word that callers see.
    pub fn word(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// One line of an attempt's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// How loud.
    pub level: LogLevel,
    /// The text, as the guest wrote it.
    pub message: String,
    /// Fields beside it.
    pub fields: Vec<(String, String)>,
}

/// The log of the attempt that runs: shared by the log interface and both output streams.
#[derive(Clone, Debug)]
pub(super) struct AttemptLog(Arc<Mutex<Buffer>>);

#[derive(Debug)]
struct Buffer {
    lines: Vec<LogLine>,
    bytes_left: usize,
    lines_left: usize,
    truncated: bool,
    /// What was printed since the last line break, per stream.
    partial: [Vec<u8>; 2],
}

impl AttemptLog {
    pub(super) fn new(limits: &StepLimits) -> Self {
        Self(Arc::new(Mutex::new(Buffer {
            lines: Vec::new(),
            bytes_left: limits.log_bytes_max,
            lines_left: limits.log_lines_max,
            truncated: false,
            partial: [Vec::new(), Vec::new()],
        })))
    }

    pub(super) fn line(&self, level: LogLevel, message: String, fields: Vec<(String, String)>) {
        self.with(|buffer| buffer.push(level, message, fields));
    }

    /// A stream for the guest's stdout or stderr that never blocks and never fails: what is over the cap is dropped.
    pub(super) fn stream(&self, level: LogLevel) -> LogStream {
        LogStream { log: self.clone(), level }
    }

    /// Everything that was kept, with a mark at the end if something was not.
    pub(super) fn take(&self) -> Vec<LogLine> {
        self.with(|buffer| {
            buffer.flush(LogLevel::Stdout);
            buffer.flush(LogLevel::Stderr);
            let mut lines = std::mem::take(&mut buffer.lines);
            if buffer.truncated {
                let message = "(truncated: the attempt's log is over its limit)".to_owned();
                lines.push(LogLine { level: LogLevel::Warn, message, fields: vec![] });
            }
            lines
        })
    }

    fn with<R>(&self, act: impl FnOnce(&mut Buffer) -> R) -> R {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Buffer {
    fn push(&mut self, level: LogLevel, mut message: String, mut fields: Vec<(String, String)>) {
        self.truncated |= fields.len() > FIELDS_MAX;
        fields.truncate(FIELDS_MAX);
        fields.shrink_to_fit();
        // What is kept in memory counts, not only what is in it: empty lines and fields are not free.
        let kept: usize =
            fields.iter().map(|(key, value)| size_of::<(String, String)>() + key.len() + value.len()).sum();
        let bytes = size_of::<LogLine>() + message.len() + kept;
        if self.lines_left == 0 || self.bytes_left == 0 {
            self.truncated = true;
            return;
        }
        self.lines_left -= 1;
        if bytes > self.bytes_left {
            self.truncated = true;
            message.truncate(
                (0..=self.bytes_left.min(message.len())).rev().find(|&at| message.is_char_boundary(at)).unwrap_or(0),
            );
            self.bytes_left = 0;
            self.lines.push(LogLine { level, message, fields: vec![] });
            return;
        }
        self.bytes_left -= bytes;
        self.lines.push(LogLine { level, message, fields });
    }

    fn write(&mut self, level: LogLevel, bytes: &[u8]) {
        for &byte in bytes {
            if byte == b'\n' {
                self.flush(level);
            } else if self.partial(level).len() < self.bytes_left {
                self.partial(level).push(byte);
            } else {
                self.truncated = true;
            }
        }
    }

    fn flush(&mut self, level: LogLevel) {
        let line = std::mem::take(self.partial(level));
        if !line.is_empty() {
            self.push(level, String::from_utf8_lossy(&line).into_owned(), vec![]);
        }
    }

    fn partial(&mut self, level: LogLevel) -> &mut Vec<u8> {
        &mut self.partial[usize::from(level == LogLevel::Stderr)]
    }
}

/// One of the guest's output streams.
#[derive(Clone, Debug)]
pub(super) struct LogStream {
    log: AttemptLog,
    level: LogLevel,
}

impl LogStream {
    fn append(&self, bytes: &[u8]) {
        self.log.with(|buffer| buffer.write(self.level, bytes));
    }
}

impl IsTerminal for LogStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LogStream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl AsyncWrite for LogStream {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.append(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for LogStream {
    async fn ready(&mut self) {}
}

impl OutputStream for LogStream {
    fn write(&mut self, bytes: bytes::Bytes) -> StreamResult<()> {
        self.append(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(64 << 10)
    }
}

/// What a Rust guest's panic printed, without the standard library's frame around it.
pub(super) fn panic_message(lines: &[LogLine]) -> Option<String> {
    let mut stderr = lines.iter().filter(|line| line.level == LogLevel::Stderr).map(|line| line.message.as_str());
    let place = stderr.find(|line| line.contains("panicked at"))?;
    let text: Vec<&str> = stderr.take_while(|line| !line.starts_with("note: run with")).collect();
    let place = place.split("panicked at ").nth(1).unwrap_or(place).trim_end_matches(':');
    Some(format!("panicked at {place}: {}", text.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(bytes: usize, lines: usize) -> AttemptLog {
        AttemptLog::new(&StepLimits { log_bytes_max: bytes, log_lines_max: lines, ..StepLimits::default() })
    }

    fn texts(log: &AttemptLog) -> Vec<String> {
        log.take().into_iter().map(|line| line.message).collect()
    }

    #[test]
    fn printed_text_becomes_lines() {
        let log = log(1_000, 10);
        log.stream(LogLevel::Stdout).append(b"one\ntw");
        log.stream(LogLevel::Stdout).append(b"o\nrest");
        assert_eq!(texts(&log), ["one", "two", "rest"]);
    }

    #[test]
    fn a_chatty_guest_is_cut_off_with_a_mark_and_goes_on() {
        let log = log(size_of::<LogLine>() + 5, 10);
        for _ in 0..3 {
            log.line(LogLevel::Info, "abcé".into(), vec![]);
        }
        let lines = texts(&log);
        assert_eq!(lines[0], "abcé");
        assert!(lines.last().is_some_and(|last| last.starts_with("(truncated")), "{lines:?}");
        let endless = AttemptLog::new(&StepLimits::default());
        endless.stream(LogLevel::Stdout).append(&vec![b'x'; 1 << 20]);
        assert!(texts(&endless).iter().map(String::len).sum::<usize>() < 66_000);
    }

    #[test]
    fn a_panics_text_is_found_in_what_it_printed() {
        let log = log(1_000, 10);
        log.stream(LogLevel::Stderr).append(
            b"\nthread '<unnamed>' (1) panicked at src/lib.rs:3:5:\nno such\ncurrency\nnote: run with `RUST_BACKTRACE=1`\n",
        );
        assert_eq!(panic_message(&log.take()).as_deref(), Some("panicked at src/lib.rs:3:5: no such\ncurrency"));
        assert_eq!(panic_message(&[]), None);
    }
}
