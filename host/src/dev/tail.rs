//! The tail of `dev`: a line for each step, what went wrong in it, and beneath it what the guest wrote.

mod event;

use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use self::event::Fields;
use super::lines::Lines;
use crate::cli::{clean, duration};

/// The event of each attempt that was committed, or came too late to be.
const STEP: &str = "gd_host::step";
/// The event of each line that a guest wrote.
const GUEST: &str = "gd_host::guest";
/// Under the text of a step's line.
const INDENT: &str = "              ";

/// The layer that shows steps.
pub(super) fn layer<S: Subscriber + for<'a> LookupSpan<'a>>(lines: Lines) -> impl Layer<S> + Send + Sync {
    let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let tail = Tail { lines, paint: if colours { Paint::Ansi } else { Paint::Plain }, last: Mutex::default() };
    tail.with_filter(Targets::new().with_target(STEP, Level::DEBUG).with_target(GUEST, Level::DEBUG))
}

/// The time of day on this machine, to the millisecond.
pub(super) fn clock() -> String {
    jiff::Zoned::now().strftime("%H:%M:%S%.3f").to_string()
}

struct Tail {
    lines: Lines,
    paint: Paint,
    /// The instance whose line was the last: what another one's guest wrote names it.
    last: Mutex<String>,
}

#[derive(Clone, Copy)]
enum Paint {
    Plain,
    Ansi,
}

impl<S: Subscriber> Layer<S> for Tail {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let fields = Fields::of(event);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if event.metadata().target() == STEP {
            self.lines.say(self.paint.step(&clock(), &fields));
        } else {
            let written = self.paint.guest(&fields);
            self.lines.say(if *last == fields.instance {
                written
            } else {
                format!("{INDENT}{}\n{written}", fields.who())
            });
        }
        last.clone_from(&fields.instance);
    }
}

impl Fields {
    fn who(&self) -> String {
        clean::line(&format!("{} {}", self.fsm, self.instance))
    }
}

impl Paint {
    fn step(self, clock: &str, fields: &Fields) -> String {
        let to = if fields.to_step.is_empty() { String::new() } else { format!(" -> {}", fields.to_step) };
        let step = clean::line(&format!("{} #{}{to}", fields.step, fields.attempt));
        let (who, outcome) = (fields.who(), self.outcome(&fields.outcome));
        let took = duration::measured(fields.duration_us);
        let line = format!("{}  {who:<12}  {step:<24}  {outcome}  {took}", self.dim(clock));
        if fields.kind.is_empty() && fields.message.is_empty() {
            return line;
        }
        let error = format!("{}: {}", clean::line(&fields.kind), clean::line(&fields.message));
        format!("{line}\n{INDENT}{}", self.coloured("31", &error))
    }

    fn guest(self, fields: &Fields) -> String {
        let level = fields.level.to_lowercase();
        let shown = format!("{level:<6}");
        let shown = match level.as_str() {
            "error" => self.coloured("31", &shown),
            "warn" => self.coloured("33", &shown),
            _ => self.dim(&shown),
        };
        format!("{INDENT}{shown}  {}", clean::line(&fields.message))
    }

    fn outcome(self, word: &str) -> String {
        let padded = format!("{:<5}", clean::line(word));
        match word {
            "fault" | "stop" | "stale" => self.coloured("31", &padded),
            "done" => self.coloured("32", &padded),
            _ => padded,
        }
    }

    fn dim(self, text: &str) -> String {
        self.coloured("2", text)
    }

    fn coloured(self, code: &str, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Ansi => format!("\x1b[{code}m{text}\x1b[0m"),
        }
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::super::lines::tests::kept;
    use super::*;

    fn hear() -> Fields {
        Fields {
            instance: "42".into(),
            fsm: "hello".into(),
            step: "hear".into(),
            outcome: "next".into(),
            to_step: "part".into(),
            duration_us: 1_249,
            ..Fields::default()
        }
    }

    #[test]
    fn a_step_is_a_line() {
        let line = Paint::Plain.step("12:01:02.123", &hear());
        assert_eq!(line, "12:01:02.123  hello 42      hear #0 -> part           next   1.2ms");
    }

    #[test]
    fn a_fault_stands_under_its_step_and_steers_no_terminal() {
        let message = "panicked\u{1b}[2J at src/lib.rs:5:9:\nno idea".to_owned();
        let fault = Fields { outcome: "fault".into(), to_step: String::new(), kind: "trap".into(), message, ..hear() };
        let plain = Paint::Plain.step("T", &fault);
        assert_eq!(plain.lines().nth(1), Some("              trap: panicked[2J at src/lib.rs:5:9: no idea"));
        assert!(Paint::Ansi.step("T", &fault).contains("\u{1b}[31mfault\u{1b}[0m"));
    }

    #[test]
    fn what_another_instances_guest_wrote_meanwhile_names_it() {
        let (lines, said) = kept();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer(lines)), || {
            let step = |instance: u32| {
                tracing::debug!(target: STEP, %instance, fsm = "hello", step = "hear", outcome = "next", "step.stop");
            };
            let writes = |instance: u32, line: &str| {
                tracing::debug!(target: GUEST, %instance, fsm = "hello", level = "info", "{line}");
            };
            step(1);
            writes(1, "one");
            step(2);
            writes(1, "late");
            writes(1, "later");
            tracing::info!("something else");
        });
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        let shown: Vec<String> = said()
            .join("\n")
            .lines()
            .map(|line| words(line.trim_start_matches(|c: char| c.is_ascii_digit() || ":.".contains(c))))
            .collect();
        let step = |instance| format!("hello {instance} hear #0 next 0us");
        assert_eq!(shown, [&*step(1), "info one", &*step(2), "hello 1", "info late", "info later"]);
    }

    #[test]
    fn what_a_guest_wrote_is_indented_with_its_level() {
        let line = Fields { level: "Info".into(), message: "hello Ada reminders=0".into(), ..hear() };
        assert_eq!(Paint::Plain.guest(&line), "              info    hello Ada reminders=0");
    }
}
