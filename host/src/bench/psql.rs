//! A conversation with the database through `psql`, for what a user could look at too: it is no part of what is measured.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};

use super::Error;
use super::server::Server;

/// A line that no answer has.
const END: &str = "~~gd-bench~~";

/// One session, ended with this value.
pub(super) struct Session {
    child: Child,
    ask: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Session {
    /// Connects to a database of `server`.
    pub(super) async fn open(server: &Server, database: &str) -> Result<Self, Error> {
        let mut command = server.program("psql");
        command.args(["-X", "-A", "-t", "-q", "-w", "-v", "ON_ERROR_STOP=1", "-d"]).arg(server.url(database));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(Error::system("run psql"))?;
        let (Some(ask), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Error::Psql("it has no input or output".into()));
        };
        let mut session = Self { child, ask, answers: BufReader::new(answers).lines() };
        session.ask("set client_min_messages = warning").await?;
        Ok(session)
    }

    /// Carries out statements, without a semicolon after the last; their rows as lines, columns parted by `|`.
    pub(super) async fn ask(&mut self, sql: &str) -> Result<String, Error> {
        let text = format!("{sql};\n\\echo {END}\n");
        // A psql that is gone says why when it is read.
        let _gone = self.ask.write_all(text.as_bytes()).await;
        let mut lines = Vec::new();
        while let Some(line) = self.answers.next_line().await.map_err(Error::system("read what psql says"))? {
            if line == END {
                return Ok(lines.join("\n"));
            }
            lines.push(line);
        }
        Err(Error::Psql(self.complaint().await))
    }

    /// One number.
    pub(super) async fn number<T: std::str::FromStr>(&mut self, sql: &str) -> Result<T, Error> {
        let answer = self.ask(sql).await?;
        answer.trim().parse().map_err(|_| Error::Answer(answer, "a number"))
    }

    /// One row of numbers. Null is not a number.
    pub(super) async fn numbers<const N: usize>(&mut self, sql: &str) -> Result<[f64; N], Error> {
        let answer = self.ask(sql).await?;
        let found: Option<Vec<f64>> = answer.split('|').map(|field| field.parse().ok()).collect();
        found.and_then(|found| found.try_into().ok()).ok_or(Error::Answer(answer, "a row of numbers"))
    }

    /// Makes `:name` and `:'name'` stand for a value in what follows.
    pub(super) async fn set(&mut self, name: &str, value: &str) -> Result<(), Error> {
        let quoted = value.replace('\\', "\\\\").replace('\'', "''");
        let line = format!("\\set {name} '{quoted}'\n");
        self.ask.write_all(line.as_bytes()).await.map_err(Error::system("write to psql"))
    }

    async fn complaint(&mut self) -> String {
        let mut text = String::new();
        if let Some(errors) = &mut self.child.stderr {
            let _nothing_more = errors.read_to_string(&mut text).await;
        }
        text.trim().to_owned()
    }
}
