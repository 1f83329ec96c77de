//! Sending over `wasi:http`. Parents are declared before what they lend out, since the host wants them dropped last.

use wasip2::clocks::monotonic_clock;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    self as wasi, ErrorCode, Fields, FutureIncomingResponse, IncomingResponse, OutgoingBody, OutgoingRequest,
    RequestOptions,
};
use wasip2::io::poll::{Pollable, poll};
use wasip2::io::streams::StreamError;

use super::request::{Method, Request};
use super::url::Url;
use super::{Error, Response};

/// How many bytes one call of the host moves at most.
const CHUNK_BYTES_MAX: u64 = 64 << 10;

pub(super) fn send(request: &Request, url: &Url<'_>) -> Result<Response, Error> {
    let call = Call::start(request);
    let outgoing = call.prepare(url)?;
    let body = outgoing.body().map_err(|()| request.invalid("its body was taken before"))?;
    let pending = outgoing_handler::handle(outgoing, Some(call.options()?)).map_err(|code| call.error(code))?;
    let written = call.write(body);
    // A server may answer without reading the body to its end: its answer counts more than the broken pipe.
    match (call.response(&pending), written) {
        (Ok(response), _) => call.read(response),
        (Err(Error::Timeout { .. }), Err(error)) | (Err(error), _) => Err(error),
    }
}

/// A request on its way, and the timer for the whole of it.
struct Call<'a> {
    request: &'a Request,
    timer: Pollable,
}

impl<'a> Call<'a> {
    fn start(request: &'a Request) -> Self {
        Self { request, timer: monotonic_clock::subscribe_duration(nanos(request)) }
    }

    fn prepare(&self, url: &Url<'_>) -> Result<OutgoingRequest, Error> {
        let invalid = |reason: &str| self.request.invalid(reason);
        let outgoing = OutgoingRequest::new(self.headers()?);
        let scheme = if url.https { wasi::Scheme::Https } else { wasi::Scheme::Http };
        outgoing.set_method(&self.request.method.into()).map_err(|()| invalid("the host does not take its method"))?;
        outgoing.set_scheme(Some(&scheme)).map_err(|()| invalid("the host does not take its scheme"))?;
        outgoing.set_authority(Some(url.authority)).map_err(|()| invalid("its host name cannot be one"))?;
        outgoing.set_path_with_query(Some(&url.path)).map_err(|()| invalid("its path cannot be one"))?;
        Ok(outgoing)
    }

    fn headers(&self) -> Result<Fields, Error> {
        let headers = Fields::new();
        let append = |name: &str, value: &str| {
            headers
                .append(name, value.as_bytes())
                .map_err(|error| self.request.invalid(format!("the header `{name}` cannot be set: {error:?}")))
        };
        for (name, value) in &self.request.headers {
            append(name, value)?;
        }
        if self.request.method != Method::Get || !self.request.body.is_empty() {
            append("content-length", &self.request.body.len().to_string())?;
        }
        Ok(headers)
    }

    fn options(&self) -> Result<RequestOptions, Error> {
        let options = RequestOptions::new();
        let timeout = Some(nanos(self.request));
        // The timer bounds the call as a whole; these let the host stop as early.
        options
            .set_connect_timeout(timeout)
            .and_then(|()| options.set_first_byte_timeout(timeout))
            .and_then(|()| options.set_between_bytes_timeout(timeout))
            .map_err(|()| self.request.invalid("the host does not take its timeout"))?;
        Ok(options)
    }

    fn write(&self, body: OutgoingBody) -> Result<(), Error> {
        {
            let stream = body.write().map_err(|()| self.request.invalid("its body was taken before"))?;
            let mut rest = self.request.body.as_slice();
            loop {
                let room = stream.check_write().map_err(|error| self.broken(error))?;
                if room == 0 {
                    self.wait(&stream.subscribe())?;
                    continue;
                }
                if rest.is_empty() {
                    break;
                }
                let (chunk, later) = rest.split_at(rest.len().min(usize::try_from(room).unwrap_or(usize::MAX)));
                stream.write(chunk).map_err(|error| self.broken(error))?;
                rest = later;
                if rest.is_empty() {
                    stream.flush().map_err(|error| self.broken(error))?;
                }
            }
        }
        OutgoingBody::finish(body, None).map_err(|code| self.error(code))
    }

    fn response(&self, pending: &FutureIncomingResponse) -> Result<IncomingResponse, Error> {
        loop {
            match pending.get() {
                Some(Ok(Ok(response))) => return Ok(response),
                Some(Ok(Err(code))) => return Err(self.error(code)),
                Some(Err(())) => return Err(self.transport("the response was taken before")),
                None => self.wait(&pending.subscribe())?,
            }
        }
    }

    fn read(&self, response: IncomingResponse) -> Result<Response, Error> {
        let status = response.status();
        let headers = response
            .headers()
            .entries()
            .into_iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), String::from_utf8_lossy(&value).into_owned()))
            .collect();
        Ok(Response { status, headers, body: self.read_body(&response)? })
    }

    fn read_body(&self, response: &IncomingResponse) -> Result<Vec<u8>, Error> {
        let body = response.consume().map_err(|()| self.transport("the body was taken before"))?;
        let stream = body.stream().map_err(|()| self.transport("the body was taken before"))?;
        let mut bytes = Vec::new();
        loop {
            match stream.read(CHUNK_BYTES_MAX) {
                Ok(chunk) if chunk.is_empty() => self.wait(&stream.subscribe())?,
                Ok(chunk) if bytes.len() + chunk.len() > self.request.body_bytes_max => {
                    return Err(Error::TooLarge { url: self.url() });
                }
                Ok(chunk) => bytes.extend_from_slice(&chunk),
                Err(StreamError::Closed) => return Ok(bytes),
                Err(error) => return Err(self.broken(error)),
            }
        }
    }

    /// Until the host has news, or the call's time is over.
    fn wait(&self, news: &Pollable) -> Result<(), Error> {
        if poll(&[news, &self.timer]).contains(&0) { Ok(()) } else { Err(self.timed_out()) }
    }

    fn broken(&self, error: StreamError) -> Error {
        match error {
            StreamError::Closed => self.transport("it was closed"),
            StreamError::LastOperationFailed(error) => match wasi::http_error_code(&error) {
                Some(code) => self.error(code),
                None => self.transport(error.to_debug_string()),
            },
        }
    }

    fn error(&self, code: ErrorCode) -> Error {
        match code {
            ErrorCode::HttpRequestDenied | ErrorCode::DestinationIpProhibited => Error::Denied { url: self.url() },
            ErrorCode::DnsTimeout
            | ErrorCode::ConnectionTimeout
            | ErrorCode::ConnectionReadTimeout
            | ErrorCode::ConnectionWriteTimeout
            | ErrorCode::HttpResponseTimeout => self.timed_out(),
            ErrorCode::HttpResponseBodySize(_) => Error::TooLarge { url: self.url() },
            ErrorCode::HttpRequestLengthRequired
            | ErrorCode::HttpRequestBodySize(_)
            | ErrorCode::HttpRequestMethodInvalid
            | ErrorCode::HttpRequestUriInvalid
            | ErrorCode::HttpRequestUriTooLong
            | ErrorCode::HttpRequestHeaderSectionSize(_)
            | ErrorCode::HttpRequestHeaderSize(_) => self.request.invalid(name_of(&code)),
            other => self.transport(name_of(&other)),
        }
    }

    fn timed_out(&self) -> Error {
        Error::Timeout { url: self.url(), after: self.request.timeout }
    }

    fn transport(&self, reason: impl Into<String>) -> Error {
        Error::Transport { url: self.url(), reason: reason.into() }
    }

    fn url(&self) -> String {
        self.request.url.clone()
    }
}

fn nanos(request: &Request) -> u64 {
    u64::try_from(request.timeout.as_nanos()).unwrap_or(u64::MAX)
}

fn name_of(code: &ErrorCode) -> String {
    format!("{code:?}").replace("ErrorCode::", "")
}

impl From<Method> for wasi::Method {
    fn from(method: Method) -> Self {
        match method {
            Method::Get => Self::Get,
            Method::Post => Self::Post,
            Method::Put => Self::Put,
            Method::Delete => Self::Delete,
        }
    }
}
