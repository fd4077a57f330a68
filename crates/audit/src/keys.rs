//! The keys of a log: one signs checkpoints, one seals the head. They are made
//! at first use, in a file that names the log, and never enter the database.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use hmac::{Hmac, KeyInit as _, Mac as _};
use rand::Rng as _;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// What a log's name begins with; its id follows.
const ORIGIN: &str = "systemprompt/audit/";

/// The byte that stands for Ed25519 in keys of signed notes.
const ED25519: u8 = 0x01;

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The text is no key.
    #[error("this is no key of an audit log")]
    Malformed,
    /// The file is no key file.
    #[error(
        "{} is no key file of an audit log: put back the file that the server made there, from a backup",
        .0.display()
    )]
    File(PathBuf),
    /// Anybody on the machine can read the file.
    #[error("{path} can be read by everybody: run `chmod 600 {path}`", path = .0.display())]
    Exposed(PathBuf),
    /// The file cannot be read or made.
    #[error("the audit log's keys in {}: {}", .0.display(), .1)]
    Io(PathBuf, #[source] io::Error),
}

/// The keys of one log.
#[derive(Clone)]
pub struct Keys {
    log: Uuid,
    public: PublicKey,
    signing: SigningKey,
    mac: [u8; 32],
}

impl Keys {
    /// The keys of a new log.
    #[must_use]
    pub fn generate() -> Self {
        let mut secrets = [[0; 32]; 2];
        for secret in &mut secrets {
            rand::rng().fill_bytes(secret);
        }
        let [seed, mac] = secrets;
        Self::new(Uuid::now_v7(), &seed, mac)
    }

    fn new(log: Uuid, seed: &[u8; 32], mac: [u8; 32]) -> Self {
        let signing = SigningKey::from_bytes(seed);
        Self {
            log,
            public: PublicKey::new(format!("{ORIGIN}{log}"), signing.verifying_key()),
            signing,
            mac,
        }
    }

    /// Reads the key file, or makes it (mode 0600) with the keys of a new log.
    ///
    /// # Errors
    /// When the file is there but is not what was made, when others can read
    /// it, or when it cannot be made.
    pub fn load_or_make(path: &Path) -> Result<Self, KeyError> {
        let failed = |error| KeyError::Io(path.to_owned(), error);
        match fs::read_to_string(path) {
            Ok(text) => {
                let mode = fs::metadata(path).map_err(failed)?.permissions().mode();
                if mode & 0o007 != 0 {
                    return Err(KeyError::Exposed(path.to_owned()));
                }
                text.parse().map_err(|_| KeyError::File(path.to_owned()))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let keys = Self::generate();
                if keys.store(path).map_err(failed)? {
                    Ok(keys)
                } else {
                    Self::load_or_make(path)
                }
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                Err(KeyError::File(path.to_owned()))
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// Whether the file was made; not when another process made it first.
    fn store(&self, path: &Path) -> io::Result<bool> {
        let dir = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(dir)?;
        let new = dir.join(format!(".{}.new", Uuid::now_v7()));
        let mut file = OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(&new)?;
        file.write_all(self.to_file().as_bytes())?;
        file.sync_all()?;
        // A link, for it never replaces what another process put there.
        let linked = fs::hard_link(&new, path);
        fs::remove_file(&new)?;
        match linked {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            other => {
                other?;
                fs::File::open(dir)?.sync_all()?;
                Ok(true)
            }
        }
    }

    /// The file's text: the signing key as signed notes have it, and the key of
    /// the head's MAC.
    fn to_file(&self) -> String {
        let PublicKey { name, id, .. } = &self.public;
        let seed = encode_key(&self.signing.to_bytes());
        let mac = BASE64_STANDARD.encode(self.mac);
        format!("PRIVATE+KEY+{name}+{id:08x}+{seed}\nMAC+KEY+{mac}\n")
    }

    /// The log's id.
    #[must_use]
    pub const fn log(&self) -> Uuid {
        self.log
    }

    /// What others need to check checkpoints.
    #[must_use]
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    pub(crate) fn sign(&self, text: &str) -> [u8; 64] {
        self.signing.sign(text.as_bytes()).to_bytes()
    }

    pub(crate) fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.hmac(parts).finalize().into_bytes().into()
    }

    pub(crate) fn mac_is(&self, parts: &[&[u8]], mac: &[u8]) -> bool {
        self.hmac(parts).verify_slice(mac).is_ok()
    }

    fn hmac(&self, parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut hmac = Hmac::new_from_slice(&self.mac).expect("HMAC takes keys of any length");
        for part in parts {
            hmac.update(part);
        }
        hmac
    }
}

impl FromStr for Keys {
    type Err = KeyError;

    fn from_str(file: &str) -> Result<Self, KeyError> {
        let parse = || {
            let (signing, mac) = file.trim_end().split_once('\n')?;
            let (name, id, seed) = decode_key(signing.strip_prefix("PRIVATE+KEY+")?)?;
            let mac = BASE64_STANDARD.decode(mac.strip_prefix("MAC+KEY+")?).ok()?;
            let log = name.strip_prefix(ORIGIN)?.parse().ok()?;
            let keys = Self::new(log, &seed, mac.try_into().ok()?);
            (keys.public.name == name && keys.public.id == id).then_some(keys)
        };
        parse().ok_or(KeyError::Malformed)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.public)
    }
}

/// The public half of the signing key, with the log's name. Written as signed
/// notes have it: name, key id and key, joined by `+`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    name: String,
    id: u32,
    key: VerifyingKey,
}

impl PublicKey {
    fn new(name: String, key: VerifyingKey) -> Self {
        let hash = Sha256::new()
            .chain_update(&name)
            .chain_update([b'\n', ED25519])
            .chain_update(key.as_bytes())
            .finalize();
        let id = u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]);
        Self { name, id, key }
    }

    /// The log's name: the origin of its checkpoints.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key's id: signatures carry it.
    #[must_use]
    pub const fn id(&self) -> u32 {
        self.id
    }

    pub(crate) fn verifies(&self, text: &str, signature: &[u8; 64]) -> bool {
        let signature = Signature::from_bytes(signature);
        self.key.verify_strict(text.as_bytes(), &signature).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = encode_key(self.key.as_bytes());
        write!(f, "{}+{:08x}+{key}", self.name, self.id)
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let (name, id, key) = decode_key(text.trim_end()).ok_or(KeyError::Malformed)?;
        let key = VerifyingKey::from_bytes(&key).map_err(|_| KeyError::Malformed)?;
        let key = Self::new(name.to_owned(), key);
        if key.id == id {
            Ok(key)
        } else {
            Err(KeyError::Malformed)
        }
    }
}

fn encode_key(key: &[u8; 32]) -> String {
    let mut bytes = [ED25519; 33];
    bytes[1..].copy_from_slice(key);
    BASE64_STANDARD.encode(bytes)
}

/// Name, id and key of `name+id+base64`.
fn decode_key(text: &str) -> Option<(&str, u32, [u8; 32])> {
    let (name, rest) = text.split_once('+')?;
    let (id, key) = rest.split_once('+')?;
    let id = (id.len() == 8).then(|| u32::from_str_radix(id, 16).ok())??;
    let key = BASE64_STANDARD.decode(key).ok()?;
    let (&algorithm, key) = key.split_first()?;
    let named = !name.is_empty() && !name.contains(char::is_whitespace);
    (named && algorithm == ED25519).then_some((name, id, key.try_into().ok()?))
}
