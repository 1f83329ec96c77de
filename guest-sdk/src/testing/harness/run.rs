//! Running what is runnable: an attempt, what the rules make of it, its commit.

use gd_core::{AttemptOutcome, Ending, Fault, InstanceId, Limits, Outcome, Position, Wake, decide};

use super::{Crashes, Drain, Harness, Instance, Tally, TooManySteps, Unrepeatable};

impl Harness {
    /// Runs all that is runnable until nothing is, now or later: the clock jumps over delays and backoffs, and the timeouts that
    /// come first on the way happen. A timeout alone is not waited for.
    ///
    /// # Panics
    /// After 10,000 steps.
    #[track_caller]
    pub fn drain(&mut self) -> Tally {
        self.drain_with(&Drain::new()).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The same with options.
    ///
    /// # Errors
    /// If there is more to run after as many steps as were allowed.
    pub fn drain_with(&mut self, drain: &Drain) -> Result<Tally, TooManySteps> {
        let mut tally = Tally::default();
        while let Some(id) = self.next(drain) {
            if tally.steps == drain.max_steps {
                let next = Instance { row: &self.world.rows[&id], now_ms: self.world.now_ms }.to_string();
                return Err(TooManySteps { max_steps: drain.max_steps, next });
            }
            tally.count(self.run(id));
        }
        Ok(tally)
    }

    /// Who runs next; the clock moves there.
    fn next(&mut self, drain: &Drain) -> Option<InstanceId> {
        loop {
            let row = self.world.next(|row| drain.takes(row))?;
            let (id, at_ms) = (row.id, row.eligible_at_ms);
            if at_ms <= self.world.now_ms {
                return Some(id);
            }
            if !drain.jumps() {
                return None;
            }
            let first_ms = self.world.deadlines().min().map_or(at_ms, |deadline_ms| deadline_ms.min(at_ms));
            self.world.pass(first_ms);
        }
    }

    /// One attempt and its commit.
    fn run(&mut self, id: InstanceId) -> AttemptOutcome {
        let lost = (self.crashes == Crashes::Everywhere).then(|| self.lose(id));
        let row = &self.world.rows[&id];
        let (context, handed) = (row.context(self.world.now_ms), row.inbox().handed());
        let (attempt, faults, concurrency_key) = (row.attempt, row.faults, row.concurrency_key.clone());
        let programs = &self.world.programs;
        let ending = self.outside.during(|| programs.attempt(context));
        if let Some(lost) = lost {
            let about = (id, row.fsm.as_str(), row.step.as_str());
            self.unrepeatable.extend(Unrepeatable::between(about, &lost, &step_of(&ending)));
        }
        let position = Position { attempt, faults, awaited: handed.clone(), concurrency_key };
        let descriptor = &programs.get(&row.fsm).descriptor;
        let decision = decide(&position, ending, descriptor, &Limits::default());
        let outcome = decision.outcome;
        self.world.commit(id, decision, &handed);
        outcome
    }

    /// An attempt whose worker dies before the commit: nothing is written but that it was lost.
    fn lose(&mut self, id: InstanceId) -> Result<Outcome, Fault> {
        let context = self.world.rows[&id].context(self.world.now_ms);
        let programs = &self.world.programs;
        let lost = self.outside.during(|| programs.step(context));
        self.world.rows.entry(id).and_modify(|row| {
            row.attempt = row.attempt.saturating_add(1);
            row.wake = Wake::Recovered;
        });
        lost
    }
}

/// What the step came to, whatever the handler made of it.
fn step_of(ending: &Ending) -> Result<Outcome, Fault> {
    match ending {
        Ending::Outcome(outcome) => Ok(outcome.clone()),
        Ending::Fault(fault) | Ending::Handled { fault, .. } | Ending::HandlerFailed { fault, .. } => {
            Err(fault.clone())
        }
    }
}
