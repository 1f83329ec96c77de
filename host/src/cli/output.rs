//! Where answers and messages go: one document on stdout, everything else on stderr.

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::Mutex;
use std::time::Duration;

use indicatif::ProgressBar;
use serde_json::Value;

use super::args::Format;
use super::clean;
use super::client::Answer;
use super::error::Error;

/// How and where to print.
pub(crate) struct Output {
    format: Format,
    /// Answers, and nothing else.
    out: Mutex<Box<dyn Write + Send>>,
    /// Notes, warnings and errors.
    err: Mutex<Box<dyn Write + Send>>,
    /// Whether `out` is a terminal: then nothing that steers one is written to it, whatever the format.
    to_terminal: bool,
    /// Whether `err` is a terminal: then long work shows a spinner there.
    spinner: bool,
}

impl Output {
    /// The output of this process.
    pub(crate) fn standard(format: Format) -> Self {
        let (out, err) = (io::stdout(), io::stderr());
        let (to_terminal, spinner) = (out.is_terminal(), err.is_terminal());
        Self { format, out: Mutex::new(Box::new(out)), err: Mutex::new(Box::new(err)), to_terminal, spinner }
    }

    /// Prints an answer of the API; `table` renders it for people and cleans what it takes from the answer.
    pub(crate) fn answer(&self, answer: &Answer, table: impl FnOnce(&Value) -> String) -> Result<(), Error> {
        let text = match self.format {
            Format::Table => table(&answer.value),
            Format::Json => self.json(&answer.text),
            Format::Yaml => yaml(&answer.value)?,
        };
        self.write(&text)
    }

    /// Prints the JSON document `text` in the chosen format; see [`Output::answer`].
    pub(crate) fn text(&self, text: &str, table: impl FnOnce(&Value) -> String) -> Result<(), Error> {
        let value = serde_json::from_str(text).unwrap_or_default();
        self.answer(&Answer { status: 200, text: text.to_owned(), value }, table)
    }

    /// Prints one of several documents: a line of JSON, or a document of YAML after its mark.
    pub(crate) fn document(&self, value: &Value) -> Result<(), Error> {
        match self.format {
            Format::Table | Format::Json => self.write(&self.json(&value.to_string())),
            Format::Yaml => self.write(&format!("---\n{}", yaml(value)?)),
        }
    }

    /// Prints text that was laid out here, whatever the format.
    pub(crate) fn raw(&self, text: &str) -> Result<(), Error> {
        self.write(text)
    }

    /// Whether answers are tables, for people.
    pub(crate) fn is_table(&self) -> bool {
        self.format == Format::Table
    }

    /// Tells the person at the terminal something that is not part of the answer.
    pub(crate) fn note(&self, message: &str) {
        self.message(message);
    }

    /// Warns of something that did not stop the command.
    pub(crate) fn warning(&self, message: &str) {
        self.message(&format!("warning: {message}"));
    }

    /// Prints an error with its stable code, and a hint when there is one.
    pub(crate) fn error(&self, error: &Error) {
        self.message(&format!("error: {error}"));
        self.message(&format!("code: {}", error.code()));
        if let Some(hint) = error.hint() {
            self.message(&format!("hint: {hint}"));
        }
    }

    /// Shows `message` with a spinner on stderr until the value is dropped; in a pipe it shows nothing.
    pub(crate) fn progress(&self, message: String) -> Progress {
        if !self.spinner {
            return Progress(ProgressBar::hidden());
        }
        let bar = ProgressBar::new_spinner().with_message(clean::line(&message));
        bar.enable_steady_tick(Duration::from_millis(100));
        Progress(bar)
    }

    fn json(&self, text: &str) -> String {
        let text = text.trim_end();
        if self.to_terminal { clean::json(text) } else { text.to_owned() }
    }

    fn message(&self, message: &str) {
        // Whoever closed stderr does not want messages; the exit code still tells.
        if let Ok(mut err) = self.err.lock() {
            let _ = writeln!(err, "{}", clean::line(message));
        }
    }

    fn write(&self, text: &str) -> Result<(), Error> {
        let mut out = self.out.lock().map_err(|_| Error::Output(ErrorKind::Other.into()))?;
        let written = writeln!(out, "{}", text.trim_end_matches('\n')).and_then(|()| out.flush());
        match written {
            // The reader, such as `head`, has seen enough: that is not a failure of the command.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            other => other.map_err(Error::Output),
        }
    }
}

/// A spinner that goes away when this is dropped.
pub(crate) struct Progress(ProgressBar);

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn yaml(value: &Value) -> Result<String, Error> {
    // Long strings stay on one line: folded ones are hard to search and to copy.
    let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
    serde_saphyr::to_string_with_options(value, options).map_err(|error| Error::Yaml(error.to_string()))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use super::*;

    /// What was written to an [`Output`].
    #[derive(Clone, Default)]
    pub(crate) struct Captured(Arc<Mutex<Vec<u8>>>);

    impl Captured {
        pub(crate) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// An output that keeps what it is given: stdout first, then stderr.
    pub(crate) fn captured(format: Format) -> (Output, Captured, Captured) {
        let (out, err) = (Captured::default(), Captured::default());
        let sink = |captured: &Captured| -> Mutex<Box<dyn Write + Send>> { Mutex::new(Box::new(captured.clone())) };
        let output = Output { format, out: sink(&out), err: sink(&err), to_terminal: false, spinner: false };
        (output, out, err)
    }

    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(ErrorKind::BrokenPipe.into())
        }
    }

    const DOCUMENT: &str = r#"{"id":"42","b":[1,{"no":"yes"}],"amount":1.10}"#;

    #[test]
    fn json_is_the_document_as_it_came() {
        let (output, out, _) = captured(Format::Json);
        output.text(DOCUMENT, |_| unreachable!()).unwrap();
        assert_eq!(out.text(), format!("{DOCUMENT}\n"));
    }

    #[test]
    fn yaml_quotes_what_would_read_as_something_else() {
        let (output, out, _) = captured(Format::Yaml);
        output.text(DOCUMENT, |_| unreachable!()).unwrap();
        assert_eq!(out.text(), "amount: 1.1\nb:\n- 1\n- \"no\": \"yes\"\nid: \"42\"\n");
    }

    #[test]
    fn an_error_has_a_code_and_a_hint_and_steers_no_terminal() {
        let (output, out, err) = captured(Format::Table);
        output.error(&Error::Unreachable { url: "http://h/".to_owned(), reason: "\u{1b}[2Jno\nway".to_owned() });
        let text = err.text();
        assert!(
            text.starts_with("error: cannot reach gd-host at http://h/: [2Jno way\ncode: unreachable\nhint: start one")
        );
        assert_eq!(out.text(), "");
    }

    #[test]
    fn a_closed_pipe_is_no_failure() {
        let mut output = captured(Format::Json).0;
        output.out = Mutex::new(Box::new(Closed));
        output.err = Mutex::new(Box::new(Closed));
        output.text(DOCUMENT, |_| unreachable!()).unwrap();
        output.note("unheard");
    }
}
