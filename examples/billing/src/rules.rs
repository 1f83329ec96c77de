//! The rules of billing, with no durable machinery in them.

use std::time::Duration;

/// How many calls to a provider that does not answer are enough: with the waits between them, half a minute of outage.
pub(crate) const CHARGE_TRIES_MAX: u32 = 20;

/// How many reminders a customer gets.
pub(crate) const REMINDERS_MAX: u32 = 2;

const CURRENCIES: [&str; 6] = ["EUR", "USD", "GBP", "CHF", "JPY", "SEK"];

/// What no real invoice reaches: one billion in the main unit.
const AMOUNT_CENTS_MAX: u64 = 100_000_000_000;

/// How long a customer has to pay before a reminder, unless the invoice says otherwise.
pub(crate) const fn confirm_within_ms() -> u64 {
    3_000
}

/// Says why an invoice cannot be billed.
pub(crate) fn billable(amount_cents: u64, currency: &str) -> Result<(), String> {
    if amount_cents == 0 {
        return Err("the amount is 0, there is nothing to bill".to_owned());
    }
    if !CURRENCIES.contains(&currency) {
        return Err(format!("cannot bill in `{currency}`, only in {}", CURRENCIES.join(", ")));
    }
    Ok(())
}

/// The tax of 19 % that the amount contains, rounded down.
///
/// # Panics
/// For an amount that must be a mistake: the handler then asks for a person.
pub(crate) fn tax_cents(amount_cents: u64) -> u64 {
    assert!(amount_cents <= AMOUNT_CENTS_MAX, "an invoice over {amount_cents} cents must be a mistake");
    amount_cents * 19 / 119
}

/// The wait after the try number `tries`, from 0: 200 ms, twice that, and so on, up to 2 s.
pub(crate) fn backoff(tries: u32) -> Duration {
    let factor = 2_u32.saturating_pow(tries);
    Duration::from_millis(200).saturating_mul(factor).min(Duration::from_secs(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invoice_without_an_amount_or_with_a_strange_currency_is_not_billable() {
        assert_eq!(billable(1, "EUR"), Ok(()));
        assert_eq!(billable(0, "EUR").unwrap_err(), "the amount is 0, there is nothing to bill");
        assert_eq!(billable(1, "eur").unwrap_err(), "cannot bill in `eur`, only in EUR, USD, GBP, CHF, JPY, SEK");
    }

    #[test]
    fn the_wait_doubles_up_to_two_seconds() {
        let waits = [0, 1, 2, 3, 4, 7, u32::MAX].map(|tries| backoff(tries).as_millis());
        assert_eq!(waits, [200, 400, 800, 1_600, 2_000, 2_000, 2_000]);
    }

    #[test]
    fn the_tax_is_the_part_of_the_amount_that_is_owed_to_the_state() {
        assert_eq!([0, 119, 11_900, 100].map(tax_cents), [0, 19, 1_900, 15]);
    }

    #[test]
    #[should_panic(expected = "must be a mistake")]
    fn an_absurd_amount_is_not_taxed() {
        tax_cents(AMOUNT_CENTS_MAX + 1);
    }
}
