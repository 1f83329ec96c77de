//! The result as a table.

use comfy_table::{Table, presets};

use super::invoices::End;
use super::oracle::{Observed, recovered_after};
use crate::ui::seconds;

/// What happened, in numbers.
pub(super) fn of(observed: &Observed) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_FULL_CONDENSED).set_header(["", "number"]);
    let ended = |end| observed.cases.iter().filter(|case| case.end() == Some(end)).count();
    let attempts: usize = observed.cases.iter().map(|case| case.history.len()).sum();
    let recovered =
        observed.cases.iter().flat_map(|case| &case.history).filter(|attempt| attempt.outcome == "recovered");
    let rows = [
        ("invoices started", observed.cases.len()),
        ("paid", ended(End::Paid)),
        ("dunned", ended(End::Dunned)),
        ("failed", ended(End::Failed)),
        ("attempts of steps", attempts),
        ("recovered after a kill", recovered.count()),
        ("calls of the payment provider", observed.calls.len()),
        ("calls repeated under the same key", observed.calls.iter().filter(|call| call.call > 1).count()),
        ("charges", observed.calls.iter().filter(|call| call.charged()).count()),
        ("confirmations after the end", observed.no_target),
        ("restarts of the payment provider", observed.provider_restarts),
        ("kills of the host", observed.kills.len()),
    ];
    for (name, number) in rows {
        table.add_row([name.to_owned(), number.to_string()]);
    }
    for (index, kill) in observed.kills.iter().enumerate() {
        let name = format!("kill {}: executing / charges on their way / recovered / down", index + 1);
        let recovered = recovered_after(observed, index);
        let down = seconds(kill.down);
        table.add_row([name, format!("{} / {} / {recovered} / {down}", kill.executing.len(), kill.in_flight)]);
    }
    table.add_row(["time from the first start to the last end".to_owned(), seconds(observed.wall)]);
    table.add_row(["attempts per second".to_owned(), format!("{:.0}", attempts as f64 / observed.wall.as_secs_f64())]);
    table
}
