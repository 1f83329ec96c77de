//! An order in five steps, none of which waits for anything: what `gd-host bench` runs.
//!
//! ```text
//! receive ──▶ reserve ──▶ pack ──▶ ship ──▶ close
//! ```
//!
//! Every step reads the whole order from JSON and writes it again. How large that is, is up to whoever starts it: an order
//! has as many lines as one gives it.

use gd_guest::prelude::*;

/// An order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Order {
    order: u64,
    customer: String,
    lines: Vec<Line>,
    #[serde(default)]
    total_cents: u64,
    #[serde(default)]
    units: u32,
    #[serde(default)]
    parcels: u32,
    #[serde(default)]
    shipped: bool,
}

/// So many of one article.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    article: String,
    quantity: u32,
    cents: u64,
}

/// Units that fit into one parcel.
const UNITS_PER_PARCEL: u32 = 10;

#[gd_guest::fsm(name = "order", queue = "orders")]
impl Order {
    #[initial]
    fn receive(mut self, _ctx: &Ctx) -> Step<Self> {
        if self.lines.is_empty() {
            return stop("an order without lines").code("empty-order");
        }
        self.total_cents = self.lines.iter().map(|line| line.cents * u64::from(line.quantity)).sum();
        next(Self::reserve, self)
    }

    fn reserve(mut self, _ctx: &Ctx) -> Step<Self> {
        self.units = self.lines.iter().map(|line| line.quantity).sum();
        next(Self::pack, self)
    }

    fn pack(mut self, _ctx: &Ctx) -> Step<Self> {
        self.parcels = self.units.div_ceil(UNITS_PER_PARCEL);
        next(Self::ship, self)
    }

    fn ship(mut self, _ctx: &Ctx) -> Step<Self> {
        self.shipped = true;
        next(Self::close, self)
    }

    fn close(self, _ctx: &Ctx) -> Step<Self> {
        done(json!({ "order": self.order, "total_cents": self.total_cents, "parcels": self.parcels }))
    }
}

#[cfg(test)]
mod tests;
