//! A client of the HTTP API that takes nothing for granted.

use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;

use crate::DEADLINE;

/// The API at one address.
#[derive(Clone, Debug)]
pub struct Api {
    base: String,
    client: Client,
    token: Option<String>,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The content type, without parameters.
    pub content_type: String,
    /// The body as it came.
    pub text: String,
}

impl Reply {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{:?} is not JSON: {error}", self.text))
    }

    /// Status and code of a refusal, which is held to the form of all refusals.
    pub fn problem(&self) -> (u16, String) {
        assert_eq!(self.content_type, "application/problem+json", "{self:?}");
        let problem = self.json();
        assert_eq!((&problem["type"], &problem["status"]), (&"about:blank".into(), &self.status.into()), "{self:?}");
        for field in ["title", "code", "detail"] {
            assert!(problem[field].as_str().is_some_and(|text| !text.is_empty()), "{field} of {self:?}");
        }
        (self.status, problem["code"].as_str().unwrap_or_default().to_owned())
    }
}

impl Api {
    /// A client without a token.
    pub fn new(base: impl Into<String>) -> Self {
        // An error means that a provider was installed before.
        drop(rustls::crypto::ring::default_provider().install_default());
        let builder = Client::builder().no_proxy().tls_certs_only([]).timeout(DEADLINE);
        Self { base: base.into(), client: builder.build().expect("a client can be made"), token: None }
    }

    /// The same with a token.
    #[must_use]
    pub fn with_token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    /// The address.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Reads.
    pub async fn get(&self, path: &str) -> Reply {
        self.send(self.request(Method::GET, path)).await
    }

    /// Posts a body as it is.
    pub async fn post(&self, path: &str, body: impl Into<Vec<u8>>) -> Reply {
        self.send(self.request(Method::POST, path).body(body.into())).await
    }

    /// Posts a body of this content type.
    pub async fn post_as(&self, path: &str, content_type: &str, body: impl Into<Vec<u8>>) -> Reply {
        self.send(self.request(Method::POST, path).header("content-type", content_type).body(body.into())).await
    }

    /// Puts a body as it is.
    pub async fn put(&self, path: &str, body: impl Into<Vec<u8>>) -> Reply {
        self.send(self.request(Method::PUT, path).body(body.into())).await
    }

    /// Any method, without a body.
    pub async fn call(&self, method: &str, path: &str) -> Reply {
        self.send(self.request(method.parse().expect("a method"), path)).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.base));
        self.token.iter().fold(request, |request, token| request.bearer_auth(token))
    }

    async fn send(&self, request: RequestBuilder) -> Reply {
        let response = request.send().await.unwrap_or_else(|error| panic!("no answer: {error}"));
        let content_type = response.headers().get("content-type").and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default().split(';').next().unwrap_or_default().to_owned();
        Reply { status: response.status().as_u16(), content_type, text: response.text().await.expect("a whole answer") }
    }
}
