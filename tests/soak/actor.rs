//! The client of one story: starts it and does what its script says, over whichever host answers.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::client::{Answer, Client};
use crate::clock::now_ms;
use crate::ledger::{Cancel, Delivery, Ledger, Pause, Sent, Started};
use crate::story::{Deed, Story};
use gd_tests::Random;

/// Wait before something is tried again.
const AGAIN: Duration = Duration::from_millis(250);

/// One client.
pub(crate) struct Actor {
    pub(crate) story: Story,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) client: Client,
    pub(crate) random: Random,
    /// The run is over, and so is patience.
    pub(crate) over: CancellationToken,
}

impl Actor {
    /// Plays the story to the end of its script.
    pub(crate) async fn play(mut self) {
        if !self.start().await {
            return;
        }
        for deed in self.story.script.clone() {
            if self.over.is_cancelled() {
                return;
            }
            match deed {
                Deed::Wait { ms } => tokio::time::sleep(Duration::from_millis(ms)).await,
                Deed::Signal { name, by_key, dedup, twice, insist } => {
                    self.signal(&name, by_key, dedup, insist).await;
                    if twice && dedup {
                        self.signal_again(&name, by_key).await;
                    }
                }
                Deed::Cancel => self.cancel().await,
                Deed::Pause => self.pause().await,
                Deed::Resume => self.resume().await,
                Deed::StartAgain => drop(self.try_start().await),
            }
        }
    }

    /// Whether there is an instance that the script can go on with.
    async fn start(&mut self) -> bool {
        let insist = self.story.key.as_ref().is_some_and(|key| key.kept);
        loop {
            match self.try_start().await {
                Some(Started::New(_)) => return true,
                // The answer to an earlier try was lost; this one names what that one made.
                Some(Started::Duplicate(_)) if insist => return true,
                Some(Started::Duplicate(_)) | None => return false,
                Some(Started::Unknown) if !insist => {
                    // Nobody goes on asking as fast as hosts in trouble refuse.
                    self.rest(AGAIN * 4).await;
                    return false;
                }
                Some(Started::Unknown) => self.rest(AGAIN).await,
            }
            if self.over.is_cancelled() {
                self.complain("start");
                return false;
            }
        }
    }

    async fn try_start(&mut self) -> Option<Started> {
        let request = self.story.request();
        let answer = loop {
            match self.client.post(&mut self.random, "/v1/instances", &request).await {
                Answer::NotSent if self.over.is_cancelled() => return None,
                Answer::NotSent => self.rest(AGAIN).await,
                answer => break answer,
            }
        };
        let started = match &answer {
            Answer::Told(201, body) => id(body).map(Started::New),
            Answer::Told(409, body) if answer.code() == "duplicate" => id(body).map(Started::Duplicate),
            Answer::Unknown | Answer::NotSent => Some(Started::Unknown),
            Answer::Told(..) => None,
        };
        match started {
            Some(started) => self.note(|case| case.starts.push(started)),
            None => self.refused("start", &answer),
        }
        started
    }

    async fn signal(&mut self, name: &str, by_key: bool, dedup: bool, insist: bool) {
        let mut place = self.send_new(name, by_key, dedup).await;
        while insist && self.unanswered(place) {
            self.rest(AGAIN).await;
            // Without a deduplication key, sending it again makes it another signal.
            match dedup {
                true => self.send(place, name, by_key).await,
                false => place = self.send_new(name, by_key, dedup).await,
            }
        }
    }

    /// The last signal once more, until a host says what it makes of it.
    async fn signal_again(&mut self, name: &str, by_key: bool) {
        let place = self.note(|case| case.sent.len()).saturating_sub(1);
        self.send(place, name, by_key).await;
        while self.unanswered(place) {
            self.rest(AGAIN).await;
            self.send(place, name, by_key).await;
        }
    }

    /// Whether it may be worth sending it again. Whoever gets no answer from well hosts until patience is over has a complaint.
    fn unanswered(&self, place: usize) -> bool {
        let unanswered =
            self.note(|case| case.sent[place].answers.last().is_some_and(|(_, last)| *last == Delivery::Unknown));
        if unanswered && self.over.is_cancelled() {
            self.complain("signal");
            return false;
        }
        unanswered
    }

    async fn send_new(&mut self, name: &str, by_key: bool, dedup: bool) -> usize {
        let number = self.story.number;
        let place = self.note(|case| {
            let place = case.sent.len();
            case.sent.push(Sent { token: format!("{number}/{place}"), dedup, answers: vec![] });
            place
        });
        self.send(place, name, by_key).await;
        place
    }

    /// Sends the signal at this place of the case.
    async fn send(&mut self, place: usize, name: &str, by_key: bool) {
        let (sent, id) = self.note(|case| (case.sent[place].clone(), case.id()));
        let mut body = json!({ "name": name, "payload": sent.token });
        if sent.dedup {
            body["dedup_key"] = json!(sent.token);
        }
        let path = match (&self.story.key, id) {
            (Some(key), id) if by_key || id.is_none() => {
                body["correlation_key"] = json!(key.name);
                "/v1/signals".to_owned()
            }
            (_, Some(id)) => format!("/v1/instances/{id}/signals"),
            (_, None) => return,
        };
        let answer = self.client.post(&mut self.random, &path, &body).await;
        let delivery = match &answer {
            Answer::Told(202, body) if body["duplicate"] == true => Delivery::Duplicate,
            Answer::Told(202, _) => Delivery::Accepted,
            Answer::Told(404, _) if answer.code() == "no_target" => Delivery::NoTarget,
            Answer::Told(..) => return self.refused("signal", &answer),
            Answer::Unknown | Answer::NotSent => Delivery::Unknown,
        };
        self.note(|case| case.sent[place].answers.push((now_ms(), delivery)));
    }

    async fn cancel(&mut self) {
        let told = self.control("cancel", &json!({ "reason": "the client has had enough" })).await;
        let cancel = match told {
            Some(Answer::Told(200, _)) => Cancel::Cancelled,
            Some(ref answer @ Answer::Told(409, _)) if answer.code() == "ended" => Cancel::Ended,
            Some(answer) => return self.refused("cancel", &answer),
            None => Cancel::Unknown,
        };
        self.note(|case| case.cancel = Some(cancel));
    }

    async fn pause(&mut self) {
        match self.control("pause", &Value::Null).await {
            Some(Answer::Told(200, _)) => {
                self.note(|case| case.pauses.push(Pause { from_ms: now_ms(), until_ms: None }));
            }
            Some(answer) if answer.code() != "ended" => self.refused("pause", &answer),
            Some(_) | None => {}
        }
    }

    async fn resume(&mut self) {
        self.note(|case| case.pauses.iter_mut().for_each(|pause| pause.until_ms = Some(now_ms())));
        match self.control("resume", &Value::Null).await {
            Some(ref answer @ Answer::Told(status, _)) if status != 200 && answer.code() != "ended" => {
                self.refused("resume", answer);
            }
            Some(_) | None => {}
        }
    }

    /// Until a host says what happened.
    async fn control(&mut self, verb: &str, body: &Value) -> Option<Answer> {
        let id = self.note(|case| case.id())?;
        let path = format!("/v1/instances/{id}/{verb}");
        while !self.over.is_cancelled() {
            match self.client.post(&mut self.random, &path, body).await {
                Answer::Unknown | Answer::NotSent => self.rest(AGAIN).await,
                told @ Answer::Told(..) => return Some(told),
            }
        }
        self.complain(verb);
        None
    }

    fn note<R>(&self, note: impl FnOnce(&mut crate::ledger::Case) -> R) -> R {
        self.ledger.note(self.story.number, note)
    }

    fn complain(&self, what: &str) {
        self.note(|case| case.refused.push(format!("{what}: it was never answered, though the hosts are well")));
    }

    fn refused(&self, what: &str, answer: &Answer) {
        self.note(|case| case.refused.push(format!("{what}: {answer:?}")));
    }

    async fn rest(&self, time: Duration) {
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            () = self.over.cancelled() => {}
        }
    }
}

/// The instance that an answer names.
fn id(body: &Value) -> Option<i64> {
    body["id"].as_str()?.parse().ok()
}
