//! The `providers` section: where requests go, and with whose key.

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use systemprompt_domain::api::Wire;

use crate::Env;
use crate::expand::is_variable_name;
use crate::fields::{one_or_many, one_or_many_schema};
use crate::secret::Secret;

/// A host that answers AI requests. Its name in `providers` is the first part
/// of the path clients use.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = nothing_required)]
pub struct Provider {
    /// The wire format it speaks: `anthropic`, `openai` or `gemini`.
    #[schemars(schema_with = "wire_schema")]
    pub wire: Wire,
    /// Where its API starts. What follows the provider's name in the client's
    /// path is added: `/openai/v1/models` becomes `{base_url}/v1/models`.
    /// `http` or `https`, without user, query or fragment; kept without a
    /// slash at its end.
    pub base_url: String,
    /// Whose key goes upstream: `passthrough` for the client's own,
    /// `{env: NAME}` or `{file: PATH}` for one the gateway holds.
    #[serde(default)]
    pub credentials: Credentials,
    /// Whether streamed OpenAI requests are made to report their usage. The
    /// extra event is taken out again before the client sees it.
    #[serde(default = "yes")]
    pub include_usage: bool,
    /// What happens to billable requests that cannot be metered (batches,
    /// images, audio …) where a budget pauses requests.
    #[serde(default)]
    pub unmetered: Unmetered,
}

/// A profile may give single keys of a provider: the rest comes from below.
fn nothing_required(schema: &mut Schema) {
    schema.remove("required");
}

const fn yes() -> bool {
    true
}

fn wire_schema(_: &mut SchemaGenerator) -> Schema {
    let names = [Wire::Anthropic, Wire::OpenAi, Wire::Gemini].map(Wire::as_str);
    json_schema!({ "enum": names })
}

/// What happens to billable requests that are not metered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unmetered {
    /// They pass and are recorded as unpriced.
    Allow,
    /// They are refused: what they cost could not be held against the budget.
    #[default]
    Refuse,
}

/// Whose key goes upstream.
#[derive(Clone, Debug, Default)]
pub enum Credentials {
    /// The client's own key.
    #[default]
    Passthrough,
    /// A key the gateway holds; clients send one of our tokens instead.
    Managed {
        /// The key. `load` reads it from its source before anyone sees it.
        key: Secret,
        /// Where it comes from, for showing and for reading it again.
        source: KeySource,
    },
}

/// Where a managed key comes from: exactly one of `env` and `file`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeySource {
    /// The environment variable that holds the key; of several, the first that
    /// is set.
    #[serde(
        default,
        deserialize_with = "one_or_many",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(schema_with = "one_or_many_schema::<String>")]
    pub env: Vec<String>,
    /// The file that holds the key and nothing else, relative to the folder of
    /// `profiles/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// What to do when there is no key: `passthrough`. Without it a missing key
    /// stops the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<Otherwise>,
}

/// What stands in for a key that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Otherwise {
    /// The client's own key goes upstream.
    Passthrough,
}

impl Credentials {
    /// Reads a managed key from its source; the error completes a sentence that
    /// begins with the setting's name.
    pub(crate) fn resolve(&mut self, root: &Path, env: Env<'_>) -> Result<(), String> {
        let Self::Managed { key, source } = self else {
            return Ok(());
        };
        match source.read(root, env)? {
            Some(found) => *key = found,
            None => *self = Self::Passthrough,
        }
        Ok(())
    }
}

impl Provider {
    /// Reads a key that lies in a file again; whether it is another one.
    ///
    /// # Errors
    /// If there is no key in the file; then it stays the one it was.
    pub fn reread_key(&mut self) -> Result<bool, String> {
        let Credentials::Managed { key, source } = &mut self.credentials else {
            return Ok(false);
        };
        if source.file.is_none() {
            return Ok(false);
        }
        // The path was made absolute when it was read first.
        match source.read(Path::new("/"), &|_| None)? {
            Some(found) if found.expose() != key.expose() => {
                *key = found;
                Ok(true)
            }
            Some(_) => Ok(false),
            None => Err("finds no key in its file any more".to_owned()),
        }
    }
}

impl KeySource {
    /// The key; `None` where there is none and the client's own is to be used.
    pub(crate) fn read(&mut self, root: &Path, env: Env<'_>) -> Result<Option<Secret>, String> {
        let found = match (&self.env[..], &mut self.file) {
            ([_, ..], None) => {
                if !self.env.iter().all(|name| is_variable_name(name)) {
                    // Not quoted: somebody may have put the key itself here.
                    return Err(
                        "must name an environment variable, such as {env: MY_KEY}".to_owned()
                    );
                }
                self.env.iter().find_map(|name| env(name))
            }
            ([], Some(file)) => {
                *file = root.join(&*file);
                match std::fs::read_to_string(&*file) {
                    Ok(text) => Some(text),
                    Err(error) if error.kind() == ErrorKind::NotFound => None,
                    Err(error) => {
                        return Err(format!("cannot read its file {}: {error}", file.display()));
                    }
                }
            }
            _ => return Err("must have either env or file".to_owned()),
        };
        let key = found
            .map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty());
        match (key, self.otherwise) {
            (Some(key), _) if !key.bytes().all(|b| b.is_ascii_graphic()) => {
                Err("finds a key with spaces or control characters in it".to_owned())
            }
            (Some(key), _) => Ok(Some(key.into())),
            (None, Some(Otherwise::Passthrough)) => Ok(None),
            (None, None) => Err(match &self.file {
                Some(file) => format!("finds no key in the file {}", file.display()),
                None => format!(
                    "needs the environment variable {}, which is not set",
                    self.env.join(" or ")
                ),
            }),
        }
    }
}

impl Serialize for Credentials {
    /// As it is written in a profile; the key itself is no part of that.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Passthrough => serializer.serialize_str("passthrough"),
            Self::Managed { source, .. } => source.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Credentials {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form;

        impl<'de> Visitor<'de> for Form {
            type Value = Credentials;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("passthrough, {env: NAME} or {file: PATH}")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Credentials, E> {
                match text {
                    "passthrough" => Ok(Credentials::Passthrough),
                    // Not quoted: the likeliest other text is the key itself.
                    _ => Err(E::invalid_value(Unexpected::Other("other text"), &self)),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Credentials, A::Error> {
                let source = KeySource::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Credentials::Managed {
                    key: Secret::from(""),
                    source,
                })
            }
        }

        deserializer.deserialize_any(Form)
    }
}

impl JsonSchema for Credentials {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Credentials".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let source = generator.subschema_for::<KeySource>();
        json_schema!({ "anyOf": [{ "const": "passthrough" }, source] })
    }
}
