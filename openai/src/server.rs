//! [`Server`]: the server of a client's requests, from the base URL of its configuration.

use heirloom_core::Span;
use std::sync::Arc;

/// The host and port of a base URL. Credentials in the URL are left out.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Server {
    address: Arc<str>,
    port: u16,
}

impl Server {
    /// `None` if the URL isn't `http://host[:port][/..]` or the same with `https`.
    pub(crate) fn of(base_url: &str) -> Option<Self> {
        let (scheme, rest) = base_url.split_once("://")?;
        let default_port = match scheme {
            "https" => 443,
            "http" => 80,
            _ => return None,
        };
        let authority = rest.split(['/', '?', '#']).next()?;
        let host_and_port = authority.rsplit_once('@').map_or(authority, |(_, behind)| behind);
        let (host, port) = split_port(host_and_port);
        let port = if port.is_empty() { default_port } else { port.parse().ok()? };
        (!host.is_empty()).then(|| Self { address: host.into(), port })
    }

    pub(crate) fn set(&self, span: &Span) {
        span.set("server.address", &*self.address).set("server.port", self.port);
    }
}

/// The host without the brackets of an IPv6 address, and the port, empty if there is none.
fn split_port(text: &str) -> (&str, &str) {
    if let Some((address, port)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (address, port.strip_prefix(':').unwrap_or(port));
    }
    text.rsplit_once(':').unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(url: &str) -> Option<(String, u16)> {
        Server::of(url).map(|server| (server.address.to_string(), server.port))
    }

    #[test]
    fn host_and_port_come_from_the_base_url() {
        assert_eq!(parts("https://api.openai.com/v1"), Some(("api.openai.com".into(), 443)));
        assert_eq!(parts("http://127.0.0.1:8080/v1"), Some(("127.0.0.1".into(), 8080)));
        assert_eq!(parts("http://localhost"), Some(("localhost".into(), 80)));
        assert_eq!(parts("http://[::1]:8080/v1"), Some(("::1".into(), 8080)));
        assert_eq!(parts("https://[::1]/v1"), Some(("::1".into(), 443)));
    }

    #[test]
    fn credentials_of_the_base_url_are_left_out() {
        assert_eq!(parts("https://user:sk-secret@proxy.example/v1"), Some(("proxy.example".into(), 443)));
        assert_eq!(parts("https://user:p@ss@proxy.example:1/v1?key=sk-secret"), Some(("proxy.example".into(), 1)));
    }

    #[test]
    fn what_is_no_url_has_no_server() {
        for text in ["", "api.openai.com", "unix:///run/model.sock", "https://", "http://host:port", "http://:80"] {
            assert_eq!(parts(text), None, "{text}");
        }
    }
}
