//! What the API says when it refuses: a problem document (RFC 9457) with a stable code.

use serde::Deserialize;

/// A refusal by the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The HTTP status.
    pub(crate) status: u16,
    /// Stable name of the kind of refusal, such as `duplicate`.
    pub(crate) code: String,
    /// What happened, in a sentence.
    pub(crate) detail: String,
    /// What to do next.
    pub(crate) hint: Option<String>,
}

/// The fields of the document that matter here; others are left alone.
#[derive(Deserialize)]
struct Document {
    code: String,
    detail: Option<String>,
    title: Option<String>,
    hint: Option<String>,
    id: Option<String>,
}

impl Problem {
    /// Reads the body of an answer with an error status; none when it is not a problem document with a code, as from a
    /// proxy or from another server.
    pub(crate) fn read(status: u16, body: &str) -> Option<Self> {
        let Document { code, detail, title, hint, id } = serde_json::from_str(body).ok()?;
        let hint = hint.or_else(|| hint_for(&code, id.as_deref()));
        let detail = detail.or(title).unwrap_or_else(|| format!("the server answered with status {status}"));
        Some(Self { status, code, detail, hint })
    }
}

/// The next command where the server gave no hint of its own.
fn hint_for(code: &str, id: Option<&str>) -> Option<String> {
    match (code, id) {
        ("duplicate", Some(id)) => Some(format!("instance {id} holds the key; see it with `gd-host get {id}`")),
        ("unauthorized", _) => Some("pass the token with --token or GD_TOKEN".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_document_gives_code_detail_and_hint() {
        let body = r#"{"type":"about:blank","title":"Not Found","status":404,"code":"unknown-fsm",
            "detail":"fsm nope is not deployed","hint":"deploy it","extra":[1]}"#;
        let problem = Problem::read(404, body).unwrap();
        assert_eq!((problem.status, &*problem.code), (404, "unknown-fsm"));
        assert_eq!(problem.detail, "fsm nope is not deployed");
        assert_eq!(problem.hint.as_deref(), Some("deploy it"));
    }

    #[test]
    fn the_holder_of_a_key_becomes_the_hint_unless_the_server_gave_one() {
        let hint = |body| Problem::read(409, body).unwrap().hint.unwrap();
        assert!(hint(r#"{"code":"duplicate","detail":"d","id":"7"}"#).contains("gd-host get 7"));
        assert_eq!(hint(r#"{"code":"duplicate","detail":"d","id":"7","hint":"other"}"#), "other");
    }

    #[test]
    fn what_is_not_a_problem_document_is_none() {
        for body in ["", "<html>bad gateway</html>", "[]", r#"{"error":"x"}"#] {
            assert_eq!(Problem::read(502, body), None, "{body}");
        }
    }
}
