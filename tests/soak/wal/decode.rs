//! What `test_decoding` prints, one line per event, as values.

use anyhow::{Context, bail};

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    Begin,
    /// With the time of the commit, in microseconds since the Unix epoch.
    Commit {
        at_us: i64,
    },
    Change(Change),
}

/// A row that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// With its schema.
    pub(crate) table: String,
    pub(crate) verb: Verb,
    columns: Vec<(String, Value)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Insert,
    Update,
    Delete,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Null,
    /// A large value that the update left alone: the log does not repeat it.
    Unchanged,
    Text(String),
}

impl Line {
    /// # Errors
    /// When it is not a line of `test_decoding` with timestamps.
    pub(crate) fn parse(line: &str) -> anyhow::Result<Self> {
        if let Some(rest) = line.strip_prefix("table ") {
            return Change::parse(rest).map(Self::Change).with_context(|| format!("reading {line:?}"));
        }
        match line.split_once(' ').unwrap_or((line, "")) {
            ("BEGIN", _) => Ok(Self::Begin),
            ("COMMIT", rest) => {
                let at = rest.split_once("(at ").and_then(|(_, at)| at.strip_suffix(')'));
                Ok(Self::Commit { at_us: micros(at.with_context(|| format!("{line:?} has no time"))?)? })
            }
            _ => bail!("{line:?} is not a line of the log"),
        }
    }
}

impl Change {
    fn parse(line: &str) -> anyhow::Result<Self> {
        let (table, rest) = line.split_once(": ").context("it names no table")?;
        let (verb, mut rest) = rest.split_once(": ").context("it has no verb")?;
        let verb = match verb {
            "INSERT" => Verb::Insert,
            "UPDATE" => Verb::Update,
            "DELETE" => Verb::Delete,
            _ => bail!("{verb:?} is not a verb"),
        };
        // An update prints the old key first where it has changed, or where the whole row identifies it: never so here.
        anyhow::ensure!(!rest.starts_with("old-key:"), "the row has another identity");
        let mut columns = Vec::new();
        while !rest.is_empty() {
            let (name, typed) = rest.split_once('[').context("a column has no type")?;
            // The name of an array's type has brackets itself.
            let (_, value) = typed.split_once("]:").context("a column has no value")?;
            let (value, after) = Value::parse(value)?;
            columns.push((name.to_owned(), value));
            rest = after.strip_prefix(' ').unwrap_or(after);
        }
        Ok(Self { table: table.to_owned(), verb, columns })
    }

    /// A value that was written and is not null.
    pub(crate) fn get(&self, column: &str) -> Option<&str> {
        match self.value(column) {
            Some(Value::Text(text)) => Some(text),
            Some(Value::Null | Value::Unchanged) | None => None,
        }
    }

    /// # Errors
    /// When the column is not there, null, or not a whole number.
    pub(crate) fn number(&self, column: &str) -> anyhow::Result<i64> {
        let text = self.get(column).with_context(|| format!("{} has no {column}", self.table))?;
        text.parse().with_context(|| format!("{column} of {} is {text:?}", self.table))
    }

    /// Microseconds since the Unix epoch.
    ///
    /// # Errors
    /// When the column is not there, null, or not a time.
    pub(crate) fn time(&self, column: &str) -> anyhow::Result<i64> {
        micros(self.get(column).with_context(|| format!("{} has no {column}", self.table))?)
    }

    fn value(&self, column: &str) -> Option<&Value> {
        self.columns.iter().find(|(name, _)| name == column).map(|(_, value)| value)
    }
}

impl Value {
    /// The first value of this text, and what comes behind it.
    fn parse(text: &str) -> anyhow::Result<(Self, &str)> {
        let Some(quoted) = text.strip_prefix('\'') else {
            let (word, rest) = text.split_at(text.find(' ').unwrap_or(text.len()));
            let value = match word {
                "null" => Self::Null,
                "unchanged-toast-datum" => Self::Unchanged,
                word => Self::Text(word.to_owned()),
            };
            return Ok((value, rest));
        };
        let (mut value, mut rest) = (String::new(), quoted);
        loop {
            let (piece, after) = rest.split_once('\'').context("a text does not end")?;
            value.push_str(piece);
            match after.strip_prefix('\'') {
                Some(more) => {
                    value.push('\'');
                    rest = more;
                }
                None => return Ok((Self::Text(value), after)),
            }
        }
    }
}

/// A time as Postgres prints it in UTC, in microseconds since the Unix epoch.
fn micros(text: &str) -> anyhow::Result<i64> {
    let read = || {
        let (date, time) = text.strip_suffix("+00")?.split_once(' ')?;
        let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
        let [year, month, day] = numbers(date, '-')?;
        let [hour, minute, second] = numbers(time, ':')?;
        let fraction: i64 = format!("{fraction:0<6}").parse().ok()?;
        let seconds = ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
        Some(seconds * 1_000_000 + fraction)
    };
    read().with_context(|| format!("{text:?} is not a time in UTC"))
}

fn numbers(text: &str, between: char) -> Option<[i64; 3]> {
    let numbers: Vec<i64> = text.split(between).map(|number| number.parse().ok()).collect::<Option<_>>()?;
    numbers.try_into().ok()
}

/// Days since the Unix epoch: years begin in March, so that the leap day is their last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, month) = (year.div_euclid(400), (month + 9) % 12);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * month + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(line: &str) -> Change {
        match Line::parse(line).unwrap() {
            Line::Change(change) => change,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_row_is_read_with_every_kind_of_value() {
        let row = change(
            "table gd.instance: UPDATE: id[bigint]:7 awaits[text[]]:'{a,\"it''s: x[y]:\"}' held[boolean]:false owner[bigint]:null \
             eligible_at[timestamp with time zone]:'2026-01-02 03:04:05.5+00' state[bytea]:unchanged-toast-datum step[text]:''",
        );
        assert_eq!((row.table.as_str(), row.verb), ("gd.instance", Verb::Update));
        assert_eq!((row.number("id").unwrap(), row.get("held")), (7, Some("false")));
        assert_eq!(row.get("awaits"), Some("{a,\"it's: x[y]:\"}"));
        assert_eq!((row.get("owner"), row.get("state"), row.get("step")), (None, None, Some("")));
        assert_eq!(row.time("eligible_at").unwrap(), 1_767_323_045_500_000);
        assert!(row.number("owner").is_err() && row.number("step").is_err() && row.time("nothing").is_err());
        assert_eq!(change("table gd.instance: DELETE: id[bigint]:7").verb, Verb::Delete);
    }

    #[test]
    fn a_transaction_has_a_beginning_and_a_commit_with_its_time() {
        assert_eq!(Line::parse("BEGIN 741").unwrap(), Line::Begin);
        let commit = |at: &str| Line::parse(&format!("COMMIT 741 (at {at})")).unwrap();
        for (at, at_us) in [
            ("1970-01-01 00:00:00+00", 0),
            ("2000-02-29 23:59:59.000001+00", 951_868_799_000_001),
            ("2026-11-24 20:00:00.25+00", 1_795_550_400_250_000),
        ] {
            assert_eq!(commit(at), Line::Commit { at_us });
        }
    }

    #[test]
    fn what_is_not_understood_is_told() {
        for line in [
            "",
            "COMMIT 741",
            "COMMIT 741 (at 2026-11-24 20:00:00+01)",
            "table gd.instance: TRUNCATE: (no-flags)",
            "table gd.instance: UPDATE: old-key: id[bigint]:1 new-tuple: id[bigint]:2",
            "table gd.instance: INSERT: step[text]:'a",
            "table gd.instance: DELETE: (no-tuple-data)",
        ] {
            assert!(Line::parse(line).is_err(), "{line:?}");
        }
    }
}
