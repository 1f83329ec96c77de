//! `start --batch`: many instances from a file with a JSON document per line.

use std::io::{BufRead, BufReader};

use serde_json::{Value, json};

use super::client::{Answer, Client};
use super::error::{Error, Exit};
use super::output::Output;
use super::table::{cell, horizontal};

/// Entries and bytes of one request: what the API takes, and half of it.
const ENTRIES_MAX: usize = 10_000;
const BYTES_MAX: usize = 32 << 20;

/// Starts what the file lists, in as many requests as it takes, and prints what became of each line. A line whose key is taken is told
/// and no failure, so that the same file can be given again; any other refusal is.
pub(crate) async fn start(client: &Client, output: &Output, file: &str) -> Result<Exit, Error> {
    let mut parts = Parts::open(file)?;
    let (mut items, mut started) = (Vec::new(), 0);
    {
        let _spinner = output.progress(format!("starting what {file} lists"));
        while let Some((entries, lines)) = parts.next()? {
            let offset = parts.entries - entries;
            let mut answer = client.post_lines(&["instances", "batch"], lines).await.inspect_err(|_| {
                if offset > 0 {
                    output.note(&format!("of the entries before number {offset}, {started} were started"));
                }
            })?;
            started += answer.value["started"].as_u64().unwrap_or_default();
            items.extend(answer.value["items"].as_array_mut().map(std::mem::take).unwrap_or_default().into_iter().map(
                |mut item| {
                    item["index"] = json!(item["index"].as_u64().unwrap_or_default() + offset as u64);
                    item
                },
            ));
        }
    }
    let refused = items.iter().any(is_refused);
    let value = json!({ "started": started, "items": items });
    output.answer(&Answer { status: 200, text: value.to_string(), value }, table)?;
    Ok(if refused { Exit::Failed } else { Exit::Ok })
}

fn is_refused(item: &Value) -> bool {
    item["error"]["code"].as_str().is_some_and(|code| code != "duplicate")
}

/// How many were started, and a line for each entry that was not.
fn table(answer: &Value) -> String {
    let items = answer["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let heading = format!("started {} of {}", cell(answer, "started"), items.len());
    let not: Vec<[String; 3]> = items
        .iter()
        .filter(|item| item["error"].is_object())
        .map(|item| [cell(item, "index"), cell(&item["error"], "code"), cell(&item["error"], "detail")])
        .collect();
    match not.is_empty() {
        true => heading,
        false => format!("{heading}\n{}", horizontal(["entry", "code", "detail"], not)),
    }
}

/// The lines of a file, in parts that fit one request.
struct Parts {
    file: String,
    lines: Box<dyn BufRead>,
    /// Read so far.
    entries: usize,
    /// A line that did not fit the part before.
    left: Option<String>,
}

impl Parts {
    fn open(file: &str) -> Result<Self, Error> {
        let lines: Box<dyn BufRead> = match file {
            "-" => Box::new(BufReader::new(std::io::stdin())),
            file => Box::new(BufReader::new(std::fs::File::open(file).map_err(|error| unreadable(file, &error))?)),
        };
        Ok(Self { file: file.to_owned(), lines, entries: 0, left: None })
    }

    /// How many entries the next part has, and their lines.
    fn next(&mut self) -> Result<Option<(usize, String)>, Error> {
        let (mut entries, mut part) = (0, self.left.take().unwrap_or_default());
        entries += usize::from(!part.is_empty());
        while entries < ENTRIES_MAX {
            let mut line = String::new();
            if self.lines.read_line(&mut line).map_err(|error| unreadable(&self.file, &error))? == 0 {
                break;
            }
            if line.trim().is_empty() {
                continue;
            }
            if !line.ends_with('\n') {
                line.push('\n');
            }
            if entries > 0 && part.len() + line.len() > BYTES_MAX {
                self.left = Some(line);
                break;
            }
            part.push_str(&line);
            entries += 1;
        }
        self.entries += entries;
        Ok((entries > 0).then_some((entries, part)))
    }
}

fn unreadable(file: &str, error: &std::io::Error) -> Error {
    Error::argument(format!("cannot read the batch from {file}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: String) -> Vec<usize> {
        let lines = Box::new(std::io::Cursor::new(text));
        let mut parts = Parts { file: "-".into(), lines, entries: 0, left: None };
        std::iter::from_fn(|| {
            parts.next().unwrap().map(|(entries, part)| {
                assert_eq!(part.lines().count(), entries);
                entries
            })
        })
        .collect()
    }

    #[test]
    fn a_file_is_sent_in_parts_that_fit() {
        assert_eq!(parts(String::new()), [] as [usize; 0]);
        assert_eq!(parts("{}\n\n  \n{}".into()), [2]);
        assert_eq!(parts("{}\n".repeat(25_000)), [10_000, 10_000, 5_000]);
        let large = format!("{}\n", "x".repeat(BYTES_MAX / 2));
        assert_eq!(parts(large.repeat(3)), [1, 1, 1]);
    }

    #[test]
    fn what_was_not_started_is_told_line_by_line() {
        let duplicate = json!({"index": 1, "error": {"code": "duplicate", "detail": "held", "holder": "7"}});
        let wrong = json!({"index": 2, "error": {"code": "unknown-fsm", "detail": "no"}});
        assert!(!is_refused(&duplicate) && is_refused(&wrong));
        let answer = json!({"started": 1, "items": [{"index": 0, "id": "3"}, duplicate, wrong]});
        let text = table(&answer);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!((lines[0], lines.len()), ("started 1 of 3", 4));
        assert_eq!(lines[3].split_whitespace().collect::<Vec<_>>(), ["2", "unknown-fsm", "no"]);
    }
}
