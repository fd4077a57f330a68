//! Where the cluster is, how it is set up, and what is said when it cannot be.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::{geteuid, getpgid};
use sqlx::ConnectOptions;
use sqlx::Connection;
use systemprompt_storage::embedded::{Embedded, EmbeddedError, Options, remove_outside};
use systemprompt_testkit::PATIENCE;

use super::{
    assert_gone, assert_mark, connect, data, folder, make_mark, server_pid, start, storage,
};

#[tokio::test]
async fn starts_keeps_data_and_leaves_nothing_running() {
    let storage = storage();
    let began = Instant::now();
    let first = start(storage.path()).await;
    let first_start = began.elapsed();
    make_mark(&first).await;

    let mut db = connect(&first).await;
    for (name, value) in [
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("data_checksums", "on"),
        ("listen_addresses", ""),
        ("server_encoding", "UTF8"),
        ("max_connections", "50"),
    ] {
        let is: String = sqlx::query_scalar("select current_setting($1)")
            .bind(name)
            .fetch_one(&mut db)
            .await
            .unwrap();
        assert_eq!(is, value, "{name}");
    }
    db.close().await.unwrap();

    let private = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o077;
    let home = storage.path().join("postgres");
    assert_eq!(private(home.join("password")), 0);
    assert_eq!(
        private(first.connect_options().get_socket().unwrap().clone()),
        0
    );

    let groups = [Some(server_pid(storage.path())), None].map(|pid| getpgid(pid).unwrap());
    assert_ne!(
        groups[0], groups[1],
        "a Ctrl-C for us would reach the server"
    );

    first.stop().await.unwrap();
    assert_gone(&data(storage.path()), PATIENCE);

    let began = Instant::now();
    let again = start(storage.path()).await;
    let later_start = began.elapsed();
    assert_mark(&again).await;
    drop(again);
    assert_gone(&data(storage.path()), PATIENCE);

    println!("first start {first_start:?}, later {later_start:?}");
    // Generous, for a busy machine; alone it is 1 s and 0.2 s.
    assert!(first_start < Duration::from_secs(60));
    assert!(later_start < Duration::from_secs(30));
}

#[tokio::test]
async fn a_wrong_password_is_refused() {
    let storage = storage();
    let embedded = start(storage.path()).await;
    let error = embedded
        .connect_options()
        .password("guess")
        .connect()
        .await
        .unwrap_err();
    let error = error.into_database_error().unwrap();
    assert_eq!(error.code().as_deref(), Some("28P01"));
    embedded.stop().await.unwrap();

    fs::write(storage.path().join("postgres/password"), "guess\n").unwrap();
    let error = Embedded::start(storage.path(), |_| ()).await.unwrap_err();
    assert!(
        matches!(error, EmbeddedError::PasswordRefused { .. }),
        "{error}"
    );
    // A start that fails takes the server with it.
    assert_gone(&data(storage.path()), PATIENCE);

    fs::remove_file(storage.path().join("postgres/password")).unwrap();
    let error = Embedded::start(storage.path(), |_| ()).await.unwrap_err();
    assert!(
        matches!(error, EmbeddedError::PasswordMissing { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_long_path_gets_its_socket_elsewhere() {
    let storage = storage();
    let long = storage.path().join("x".repeat(120)).join("y".repeat(120));
    fs::create_dir_all(&long).unwrap();
    let embedded = start(&long).await;
    make_mark(&embedded).await;
    let socket = embedded.connect_options().get_socket().unwrap().clone();
    assert!(!socket.starts_with(storage.path()), "{socket:?}");
    assert!(data(&long).starts_with(storage.path().canonicalize().unwrap()));
    embedded.stop().await.unwrap();
    let outside = if geteuid().is_root() {
        socket.parent().unwrap()
    } else {
        &socket
    };
    fs::remove_dir_all(outside).unwrap();
}

#[tokio::test]
async fn root_keeps_the_data_outside_a_folder_that_the_server_cannot_enter() {
    if !geteuid().is_root() {
        // Another user runs the server itself, and can enter whatever it can.
        return;
    }
    let private = folder(0o700);
    let embedded = start(private.path()).await;
    make_mark(&embedded).await;
    let data = data(private.path());
    assert!(data.starts_with("/var/lib/systemprompt"), "{data:?}");
    embedded.stop().await.unwrap();
    let again = start(private.path()).await;
    assert_mark(&again).await;
    again.stop().await.unwrap();
    assert_gone(&data, PATIENCE);

    remove_outside(private.path()).unwrap();
    assert!(!data.parent().unwrap().exists(), "{data:?}");
    let error = Embedded::start(private.path(), |_| ()).await.unwrap_err();
    assert!(
        matches!(error, EmbeddedError::DataMissing { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_named() {
    let storage = storage();
    // A file where the folder should be stops root as well.
    fs::write(storage.path().join("postgres"), "").unwrap();
    let error = Embedded::start(storage.path(), |_| ()).await.unwrap_err();
    let home = storage.path().join("postgres");
    assert!(
        error.to_string().starts_with(home.to_str().unwrap()),
        "{error}"
    );

    // /proc takes no folders, from nobody.
    let error = Embedded::start(Path::new("/proc/nothing"), |_| ())
        .await
        .unwrap_err();
    assert!(
        error.to_string().starts_with("/proc/nothing/postgres"),
        "{error}"
    );
}

#[tokio::test]
async fn data_of_another_user_is_left_alone() {
    let storage = storage();
    fs::create_dir(storage.path().join("postgres")).unwrap();
    symlink("/", storage.path().join("postgres/data")).unwrap();
    let error = Embedded::start(storage.path(), |_| ()).await.unwrap_err();
    assert!(
        matches!(error, EmbeddedError::ForeignOwner { owner: 0, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn data_of_another_major_version_names_the_way_out() {
    let storage = storage();
    start(storage.path()).await.stop().await.unwrap();
    fs::write(data(storage.path()).join("PG_VERSION"), "9\n").unwrap();
    let error = Embedded::start(storage.path(), |_| ()).await.unwrap_err();
    assert!(
        matches!(error, EmbeddedError::VersionMismatch { data: 9, .. }),
        "{error}"
    );
    assert!(error.to_string().contains("pg_dumpall"), "{error}");
}

#[tokio::test]
async fn a_machine_without_postgresql_is_told_what_to_install() {
    let storage = storage();
    let options = Options {
        binaries: Some(vec![storage.path().to_path_buf()]),
        ..Options::default()
    };
    let error = Embedded::start_with(storage.path(), &options, |_| ())
        .await
        .unwrap_err();
    assert!(matches!(error, EmbeddedError::NoBinaries { .. }), "{error}");
    assert!(
        error.to_string().contains("apt-get install postgresql"),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_that_cannot_start_says_why() {
    let storage = storage();
    start(storage.path()).await.stop().await.unwrap();
    let config = data(storage.path()).join("postgresql.conf");
    fs::write(config, "no_such_setting = 1\n").unwrap();
    let error = Embedded::start(storage.path(), |_| ()).await.unwrap_err();
    assert!(
        matches!(error, EmbeddedError::StartFailed { .. }),
        "{error}"
    );
    println!("{error}");
    assert_gone(&data(storage.path()), PATIENCE);
}
