//! An operator's verbs in memory. Each answers whether there was a live instance to do it to.

use super::Model;
use crate::{ErrorInfo, InstanceId, Status};

impl Model {
    /// Ends an instance at once; its inbox stays.
    pub fn cancel(&mut self, id: InstanceId, reason: &str) -> bool {
        let Some(instance) = self.live(id) else { return false };
        let error = ErrorInfo { kind: "cancelled".into(), message: reason.into(), code: None };
        instance.end(Status::Cancelled, None, Some(error));
        self.free_key(id);
        true
    }

    /// Keeps an instance from being claimed.
    pub fn hold(&mut self, id: InstanceId) -> bool {
        self.live(id).map(|instance| instance.held = true).is_some()
    }

    /// Lets it go on.
    pub fn resume(&mut self, id: InstanceId) -> bool {
        self.live(id).map(|instance| instance.held = false).is_some()
    }
}
