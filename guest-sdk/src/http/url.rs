//! The parts of a URL that a request names.

/// An absolute http or https URL.
#[derive(Debug, PartialEq)]
pub(super) struct Url<'a> {
    pub(super) https: bool,
    /// Host, and port if there is one.
    pub(super) authority: &'a str,
    /// Path and query; starts with `/`, without a fragment.
    pub(super) path: String,
}

impl<'a> Url<'a> {
    /// Fails with what is wrong.
    pub(super) fn parse(url: &'a str) -> Result<Self, &'static str> {
        let (https, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) => (false, rest),
            (None, None) => return Err("the URL has no http:// or https://"),
        };
        if url.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err("the URL contains white space or control characters");
        }
        let rest = rest.split('#').next().unwrap_or(rest);
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.is_empty() {
            return Err("the URL names no host");
        }
        if authority.contains('@') {
            return Err("the URL carries credentials; send them in a header");
        }
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { https, authority, path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, https: bool, authority: &str, path: &str) {
        assert_eq!(Url::parse(url), Ok(Url { https, authority, path: path.to_owned() }), "{url}");
    }

    #[test]
    fn a_url_falls_into_scheme_authority_and_path() {
        check("https://pay.example", true, "pay.example", "/");
        check("http://127.0.0.1:8080/charges", false, "127.0.0.1:8080", "/charges");
        check("http://[::1]:8080/a?b=c#d", false, "[::1]:8080", "/a?b=c");
        check("https://pay.example?q=1", true, "pay.example", "/?q=1");
    }

    #[test]
    fn a_url_that_cannot_be_sent_is_refused() {
        for url in [
            "",
            "pay.example",
            "ftp://pay.example",
            "https://",
            "https:///charges",
            "http://me:pw@pay.example",
            "http://a b/",
        ] {
            assert!(Url::parse(url).is_err(), "{url}");
        }
    }
}
