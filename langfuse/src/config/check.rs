//! The valid values of each setting.

use crate::environment;
use crate::error::{variable, ConfigError};
use std::time::Duration;

const KEY: &str = "a key of a project: printable ASCII without spaces and colons";
const URL: &str = "an http or https URL without user, password, query and fragment, such as https://cloud.langfuse.com";
const ENVIRONMENT: &str = "at most 40 letters, digits, - and _, not starting with langfuse";

fn invalid(variable: &'static str, expected: &'static str) -> ConfigError {
    ConfigError::Invalid { variable, expected }
}

pub(super) fn keys(public: &str, secret: &str) -> Result<(), ConfigError> {
    key(variable::PUBLIC_KEY, public)?;
    key(variable::SECRET_KEY, secret)?;
    // The public key is sent in a separate header, and Langfuse shows it: the secret key must not get there.
    if public.starts_with("sk-lf-") || secret.starts_with("pk-lf-") {
        return Err(ConfigError::Swapped);
    }
    Ok(())
}

fn key(variable: &'static str, key: &str) -> Result<(), ConfigError> {
    match key {
        "" => Err(ConfigError::Missing { variable }),
        key if key.bytes().all(|b| b.is_ascii_graphic() && b != b':') => Ok(()),
        _ => Err(invalid(variable, KEY)),
    }
}

pub(super) fn url(text: &str) -> Result<(), ConfigError> {
    let plain = |url: &url::Url| {
        let http = matches!(url.scheme(), "http" | "https") && url.has_host();
        let anonymous = url.username().is_empty() && url.password().is_none();
        http && anonymous && url.query().is_none() && url.fragment().is_none()
    };
    match url::Url::parse(text) {
        Ok(url) if plain(&url) => Ok(()),
        _ => Err(invalid(variable::BASE_URL, URL)),
    }
}

pub(super) fn positive(variable: &'static str, time: Duration) -> Result<(), ConfigError> {
    if time.is_zero() {
        return Err(invalid(variable, "a time above zero, in seconds"));
    }
    Ok(())
}

pub(super) fn at_least_one(variable: &'static str, number: usize) -> Result<(), ConfigError> {
    if number == 0 {
        return Err(invalid(variable, "a whole number above zero"));
    }
    Ok(())
}

pub(super) fn environment(text: &str) -> Result<(), ConfigError> {
    if environment::valid(text).is_some() {
        return Ok(());
    }
    Err(invalid(variable::ENVIRONMENT, ENVIRONMENT))
}

pub(super) fn rate(rate: f64) -> Result<(), ConfigError> {
    if (0.0..=1.0).contains(&rate) {
        return Ok(());
    }
    Err(invalid(variable::SAMPLE_RATE, "a number from 0 to 1"))
}
