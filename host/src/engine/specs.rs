//! From what a step asks to be started to what is inserted: the version that is routed now, the queue's number, the step.

use std::collections::HashMap;

use gd_core::{Decision, Descriptor, Effect, ErrorInfo, InvalidOutcome, StartSpec, TenantId, Version};

use super::Shared;
use crate::registry;
use crate::store::{Claimed, Error, NewInstance, NewSignal, Parent, Rider, Riders};

/// The queue of whoever names none.
const DEFAULT_QUEUE: &str = "default";

/// Why an instance cannot be started.
#[derive(Debug)]
pub(super) enum Refusal {
    /// What was asked for is wrong.
    Wrong(&'static str, String),
    /// It cannot be looked up now.
    Trouble(registry::Error),
}

/// What an FSM starts on now.
struct Routed {
    fsm: i32,
    version: Version,
    descriptor: Descriptor,
}

impl Shared {
    /// Looks whether children can be started, before the outcome that asks for them is decided on.
    pub(super) async fn check_children(
        &self,
        tenant: TenantId,
        depth: u32,
        children: &[StartSpec],
    ) -> Result<(), Refused> {
        if !children.is_empty() && depth >= self.limits.depth_max {
            return Err(Refused::Outcome(InvalidOutcome::TooDeep(self.limits.depth_max)));
        }
        let mut routes = HashMap::new();
        for (index, child) in children.iter().enumerate() {
            match self.new_instance(tenant, child, &mut routes).await {
                Ok(_) => {}
                Err(Refusal::Wrong(code, reason)) => {
                    return Err(Refused::Outcome(InvalidOutcome::Child(index, code, reason)));
                }
                Err(Refusal::Trouble(error)) => return Err(Refused::Trouble(error)),
            }
        }
        Ok(())
    }

    /// What a decision's children and effects come to.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn riders(&self, claimed: &Claimed, decision: &Decision) -> Result<Riders, registry::Error> {
        let mut riders = Riders::default();
        let mut routes = HashMap::new();
        for (index, child) in (0..).zip(&decision.children) {
            let depth = u16::try_from(claimed.depth + 1).unwrap_or(u16::MAX);
            let parent = Parent { id: claimed.id, round: claimed.round + 1, index, depth };
            match self.new_instance(claimed.tenant, child, &mut routes).await {
                Ok(new) => riders.children.push(NewInstance { parent: Some(parent), ..new }),
                // It was there when the outcome was looked at: it is again at the next attempt, or the step fails then.
                Err(Refusal::Wrong(..)) => return Err(Error::Raced.into()),
                Err(Refusal::Trouble(error)) => return Err(error),
            }
        }
        for effect in &decision.effects {
            riders.effects.push(match effect {
                Effect::Signal(signal) => {
                    let (name, payload) = (signal.name.clone(), signal.payload.clone());
                    Rider::Signal(
                        signal.target.clone(),
                        NewSignal { name, payload, dedup_key: signal.dedup_key.clone() },
                    )
                }
                Effect::Start(spec) => match self.new_instance(claimed.tenant, spec, &mut routes).await {
                    Ok(new) => Rider::Start(new),
                    Err(Refusal::Wrong(code, message)) => {
                        Rider::Refused(ErrorInfo { kind: "refused".into(), message, code: Some(code.into()) })
                    }
                    Err(Refusal::Trouble(error)) => return Err(error),
                },
            });
        }
        Ok(riders)
    }

    async fn new_instance(
        &self,
        tenant: TenantId,
        spec: &StartSpec,
        routes: &mut HashMap<String, Routed>,
    ) -> Result<NewInstance, Refusal> {
        if !routes.contains_key(&spec.fsm) {
            let routed = self.routed(tenant, &spec.fsm).await?;
            routes.insert(spec.fsm.clone(), routed);
        }
        let Some(routed) = routes.get(&spec.fsm) else {
            return Err(Refusal::Wrong("unknown-fsm", format!("there is no FSM {:?}", spec.fsm)));
        };
        let step = match &spec.step {
            Some(step) if !routed.descriptor.has_step(step) => {
                let reason = format!("version {} of {:?} has no step {step:?}", routed.version, spec.fsm);
                return Err(Refusal::Wrong("unknown-step", reason));
            }
            Some(step) => step.clone(),
            None => routed.descriptor.initial_step.clone(),
        };
        let queue = spec.queue.as_deref().or(routed.descriptor.queue.as_deref()).unwrap_or(DEFAULT_QUEUE);
        Ok(NewInstance {
            fsm: routed.fsm,
            version: routed.version,
            step,
            state: if spec.state.is_empty() { b"{}".to_vec() } else { spec.state.clone() },
            queue: self.store.queue_number(queue).await.map_err(|error| Refusal::Trouble(error.into()))?,
            priority: spec.priority,
            delay_ms: spec.delay_ms,
            due_ms: None,
            correlation_key: spec.correlation_key.clone(),
            scope: spec.scope,
            shared_key: !spec.unique,
            concurrency_key: spec.concurrency_key.clone(),
            rate_limit: spec.rate_limit.as_ref().map(gd_core::RateLimit::bucket),
            weight: spec.weight,
            parent: None,
        })
    }

    async fn routed(&self, tenant: TenantId, fsm: &str) -> Result<Routed, Refusal> {
        let unknown = || Refusal::Wrong("unknown-fsm", format!("there is no FSM {fsm:?}"));
        let routed = match self.registry.routed(tenant, fsm, None).await {
            Ok(routed) => routed.ok_or_else(unknown)?,
            Err(error) => return Err(Refusal::Trouble(error)),
        };
        let (version, descriptor) = routed.version.ok_or_else(unknown)?;
        Ok(Routed { fsm: routed.fsm, version, descriptor })
    }
}

/// Why an outcome is not taken.
#[derive(Debug)]
pub(super) enum Refused {
    /// It breaks a rule.
    Outcome(InvalidOutcome),
    /// It cannot be looked up now.
    Trouble(registry::Error),
}
