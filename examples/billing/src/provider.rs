//! The payment provider: one call, and what its answers mean.

use gd_guest::http::{self, Response};
use gd_guest::prelude::*;

use crate::Invoice;

/// What became of a call.
#[derive(Debug, PartialEq)]
pub(crate) enum Answer {
    /// The charge is made; a signal will confirm the payment.
    Charged {
        /// The provider's name for it.
        charge_id: String,
    },
    /// The customer's card was declined.
    Declined,
    /// Nothing is known; asking again is harmless, since the idempotency key is the same.
    Unavailable(String),
}

/// Charges the invoice, at most once however often this is called in one visit of a step.
pub(crate) fn charge(invoice: &Invoice, ctx: &Ctx) -> Result<Answer> {
    let request = http::post(format!("{}/charges", invoice.provider_url))
        .idempotency_key(ctx)
        .json(&json!({
            "invoice": invoice.invoice,
            "customer": invoice.customer,
            "amount_cents": invoice.amount_cents,
            "currency": invoice.currency,
        }))?
        .timeout(seconds(10));
    match request.send() {
        Ok(response) => read(&response),
        Err(error) if error.is_transient() => Ok(Answer::Unavailable(error.to_string())),
        Err(error) => Err(error.into()),
    }
}

fn read(response: &Response) -> Result<Answer> {
    #[derive(Deserialize)]
    struct Charge {
        charge_id: String,
    }
    match response.status {
        200 => Ok(match response.json::<Charge>() {
            Ok(charge) => Answer::Charged { charge_id: charge.charge_id },
            Err(error) => Answer::Unavailable(error.to_string()),
        }),
        402 => Ok(Answer::Declined),
        status @ 500.. => Ok(Answer::Unavailable(format!("the provider answered {status}"))),
        status => Err(Failure::new(format!("the provider refused the charge with {status}")).code("charge-refused")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, body: &str, expected: Answer) {
        assert_eq!(read(&Response::new(status, body)).unwrap(), expected, "{status} {body}");
    }

    #[test]
    fn the_answers_of_the_provider_are_told_apart() {
        check(200, r#"{"charge_id":"ch_1"}"#, Answer::Charged { charge_id: "ch_1".to_owned() });
        check(402, "", Answer::Declined);
        check(503, "", Answer::Unavailable("the provider answered 503".to_owned()));
    }

    #[test]
    fn an_answer_that_cannot_be_read_is_asked_for_again() {
        assert!(matches!(read(&Response::new(200, "<html>")).unwrap(), Answer::Unavailable(_)));
    }

    #[test]
    fn a_charge_that_the_provider_refuses_is_a_failure() {
        assert_eq!(read(&Response::new(400, "")).unwrap_err().code_name(), Some("charge-refused"));
    }
}
