//! A mail that waits its turn: every account has a bucket of its own of the rate limit `mail`.
//!
//! ```text
//! accept ──(mail:ACCOUNT)──▶ send
//! ```

use gd_guest::prelude::*;

/// A mail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mail {
    account: String,
    to: Vec<String>,
    subject: String,
}

#[gd_guest::fsm(name = "mailer", queue = "mail")]
impl Mail {
    #[initial]
    fn accept(self, _ctx: &Ctx) -> Step<Self> {
        let Ok(recipients) = u32::try_from(self.to.len()) else { return stop("too many recipients") };
        if recipients == 0 {
            return stop("a mail to nobody").code("no-recipient");
        }
        let bucket = ("mail", self.account.clone());
        next(Self::send, self).rate_limit(bucket).weight(recipients)
    }

    fn send(self, ctx: &Ctx) -> Step<Self> {
        info!(account = self.account, "sent {:?} to {}", self.subject, self.to.join(", "));
        // The provider sees the same key when the host died before the commit, and sends nothing twice.
        done(json!({ "to": self.to, "message_id": ctx.idempotency_key() }))
    }
}

#[cfg(test)]
mod tests {
    use gd_guest::{Transition, testing};

    use super::*;

    fn mail(to: &[&str]) -> Mail {
        let to = to.iter().map(ToString::to_string).collect();
        Mail { account: "acme".into(), to, subject: "hello".into() }
    }

    #[test]
    fn a_mail_draws_a_token_per_recipient_from_its_accounts_bucket() {
        let outcome = Mail::accept.call(mail(&["a@x", "b@x"]), &testing::ctx()).unwrap();
        assert_eq!(outcome.step(), Some("send"));
        let Transition::Next { options, .. } = outcome.transition() else { panic!("{outcome:?}") };
        assert_eq!((&options.rate_limit, options.weight), (&Some(("mail", "acme").into()), Some(2)));
    }

    #[test]
    fn a_mail_to_nobody_stops() {
        let outcome = Mail::accept.call(mail(&[]), &testing::ctx()).unwrap();
        let Transition::Stop(reason) = outcome.transition() else { panic!("{outcome:?}") };
        assert_eq!(reason.code.as_deref(), Some("no-recipient"));
    }
}
