//! An export, told apart into its records. Each is decoded by itself and let go
//! before the next, so that memory follows the body and one bad record spoils no
//! other.

use bytes::Bytes;
use prost::Message;
use serde::de::DeserializeOwned;
use systemprompt_domain::json::Object;

use crate::attributes::Attributes;
use crate::wire::{self, Resource, Scope};
use crate::{Batch, Format, MOST_RECORDS, Malformed, Sighting, What, json, outgoing};

/// Where a record comes from.
#[derive(Clone, Copy)]
pub(crate) struct Origin<'a> {
    /// Of the process.
    pub(crate) resource: Attributes<'a>,
    /// The name of the instrumentation.
    pub(crate) scope: &'a str,
}

/// Why a record is rejected.
pub(crate) type Reason = &'static str;

/// What a record tells of; `None`: of other things.
pub(crate) type Reading = Result<Option<What>, Reason>;

const UNREADABLE: Reason = "a record cannot be decoded";
const TOO_MANY: Reason = "there are more than 10,000 records; export fewer at once";

/// Reads each record of an export into `batch`.
pub(crate) fn each<T: Message + Default + DeserializeOwned>(
    format: Format,
    body: &Bytes,
    batch: &mut Batch,
    read: impl Fn(&Origin<'_>, T) -> Reading,
) -> Result<(), Malformed> {
    let mut left = MOST_RECORDS;
    let mut one = |resource: &Resource, scope: &Scope, record: &dyn Fn() -> Option<T>| {
        let Some(fewer) = left.checked_sub(1) else {
            batch.reject(TOO_MANY);
            return;
        };
        left = fewer;
        let origin = Origin {
            resource: Attributes(&resource.attributes),
            scope: std::str::from_utf8(&scope.name).unwrap_or_default(),
        };
        let reading = record().ok_or(UNREADABLE).and_then(|t| read(&origin, t));
        match reading {
            Ok(Some(what)) => batch.seen.push(Sighting {
                what,
                // We are the service of spans of ours, not the agent.
                service: service(origin.resource).filter(|_| origin.scope != outgoing::NAME),
            }),
            Ok(None) => batch.ignored += 1,
            Err(reason) => batch.reject(reason),
        }
    };
    match format {
        Format::Protobuf => {
            for of in wire::Export::decode(body.clone())?.resources {
                let resource = of.resource.unwrap_or_default();
                for of in of.scopes {
                    let scope = of.scope.unwrap_or_default();
                    for record in &of.records {
                        one(&resource, &scope, &|| T::decode(record.clone()).ok());
                    }
                }
            }
        }
        Format::Json => {
            let Object(export) = serde_json::from_slice::<Object<json::Export<'_>>>(body)?;
            for Object(of) in export.resources {
                let resource = of.resource.unwrap_or_default();
                for Object(of) in of.scopes {
                    let scope = of.scope.unwrap_or_default();
                    for record in &of.records {
                        one(&resource, &scope, &|| {
                            let record = serde_json::from_str::<Object<T>>(record.get());
                            record.ok().map(|Object(record)| record)
                        });
                    }
                }
            }
        }
    }
    Ok(())
}

/// How many records an export has.
pub(crate) fn count(format: Format, body: &Bytes) -> Result<usize, Malformed> {
    Ok(match format {
        Format::Protobuf => {
            let export = wire::Export::decode(body.clone())?;
            let scopes = export.resources.iter().flat_map(|of| &of.scopes);
            scopes.map(|of| of.records.len()).sum()
        }
        Format::Json => {
            let Object(export) = serde_json::from_slice::<Object<json::Export<'_>>>(body)?;
            let scopes = export.resources.iter().flat_map(|of| &of.0.scopes);
            scopes.map(|of| of.0.records.len()).sum()
        }
    })
}

/// The service's name, unless the SDK made it up.
fn service(resource: Attributes<'_>) -> Option<String> {
    let name = resource.text(&["service.name"])?;
    (!name.starts_with("unknown_service")).then_some(name)
}
