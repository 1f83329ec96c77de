//! The fields of an event that the tail shows.

use std::fmt::Debug;

use tracing::Event;
use tracing::field::{Field, Visit};

/// What the event of a step, or of a line that a guest wrote, says. What an event does not have is empty.
#[derive(Debug, Default)]
pub(super) struct Fields {
    pub(super) instance: String,
    pub(super) fsm: String,
    pub(super) step: String,
    pub(super) attempt: u64,
    pub(super) outcome: String,
    pub(super) to_step: String,
    pub(super) kind: String,
    pub(super) level: String,
    pub(super) message: String,
    pub(super) duration_us: u64,
}

impl Fields {
    /// Reads an event.
    pub(super) fn of(event: &Event<'_>) -> Self {
        let mut fields = Self::default();
        event.record(&mut fields);
        // An event has its own name in the same field as a fault's message, and before it.
        if fields.message == "step.stop" {
            fields.message.clear();
        }
        fields
    }

    fn text(&mut self, name: &str) -> Option<&mut String> {
        match name {
            "instance" => Some(&mut self.instance),
            "fsm" => Some(&mut self.fsm),
            "step" => Some(&mut self.step),
            "outcome" => Some(&mut self.outcome),
            "to_step" => Some(&mut self.to_step),
            "kind" => Some(&mut self.kind),
            "level" => Some(&mut self.level),
            "message" => Some(&mut self.message),
            _ => None,
        }
    }
}

impl Visit for Fields {
    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "attempt" => self.attempt = value,
            "duration_us" => self.duration_us = value,
            _ => {}
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if let Some(text) = self.text(field.name()) {
            value.clone_into(text);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if let Some(text) = self.text(field.name()) {
            *text = format!("{value:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<Fields>>>);

    impl<S: tracing::Subscriber> Layer<S> for Kept {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            self.0.lock().unwrap().push(Fields::of(event));
        }
    }

    #[test]
    fn an_event_is_read_whatever_way_its_fields_were_given() {
        let kept = Kept::default();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(kept.clone()), || {
            let (instance, fault) = (42, "no idea");
            tracing::debug!(
                target: "gd_host::step", %instance, fsm = "hello", step = "hear", attempt = 2_u32, outcome = "fault", to_step = "",
                kind = "trap", message = fault, duration_us = 1_200_u64, "step.stop"
            );
            tracing::debug!(target: "gd_host::step", %instance, step = "hear", message = "", "step.stop");
            tracing::debug!(target: "gd_host::step", %instance, step = "hear", "step.stop");
            tracing::debug!(target: "gd_host::guest", %instance, level = "info", "{} k={}", "said", 1);
        });
        let kept = kept.0.lock().unwrap();
        let fault = &kept[0];
        assert_eq!((&*fault.instance, &*fault.fsm, &*fault.step), ("42", "hello", "hear"));
        assert_eq!((&*fault.outcome, &*fault.kind, &*fault.message), ("fault", "trap", "no idea"));
        assert_eq!((fault.attempt, fault.duration_us), (2, 1_200));
        assert_eq!((&*kept[1].message, &*kept[2].message), ("", ""));
        assert_eq!((&*kept[3].level, &*kept[3].message), ("info", "said k=1"));
    }
}
