//! An order whose lines are picked by children, as many at a time per warehouse as it has hands.
//!
//! ```text
//! split ──children──▶ close
//!   └─ pick (one per line, under the concurrency key warehouse:NAME)
//! ```
//!
//! A child is an instance of the same machine that starts at another step.

use gd_guest::prelude::*;

/// What an instance is: the order, or one line of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Fanout {
    /// The parent.
    Order(Order),
    /// A child.
    Line(Line),
}

/// An order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Order {
    order: u64,
    lines: Vec<Line>,
}

/// One line of an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    article: String,
    warehouse: String,
    /// How long the picker is busy.
    #[serde(default)]
    pick_ms: u64,
}

#[gd_guest::fsm(name = "order-fanout", queue = "orders")]
impl Fanout {
    #[initial]
    fn split(self, _ctx: &Ctx) -> Step<Self> {
        let Self::Order(order) = &self else { return stop("only an order is split").code("not-an-order") };
        let child = |line: &Line| {
            let start =
                Start::new("order-fanout").step("pick").concurrency_key(format!("warehouse:{}", line.warehouse));
            start.state(line)
        };
        let children = order.lines.iter().map(child).collect::<Result<Vec<_>>>()?;
        schedule_children(Self::close, self, children)
    }

    fn pick(self, _ctx: &Ctx) -> Step<Self> {
        let Self::Line(line) = self else { return stop("only a line is picked").code("not-a-line") };
        if line.article.is_empty() {
            return stop("no such article").code("no-article");
        }
        std::thread::sleep(millis(line.pick_ms));
        done(json!({ "article": line.article, "from": line.warehouse }))
    }

    fn close(self, ctx: &Ctx) -> Step<Self> {
        let Self::Order(order) = self else { return stop("only an order is closed").code("not-an-order") };
        let picked = ctx.children().iter().filter(|child| child.is_done()).count();
        done(json!({ "order": order.order, "picked": picked, "missing": order.lines.len() - picked }))
    }
}

#[cfg(test)]
mod tests;
