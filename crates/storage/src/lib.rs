//! PostgreSQL: embedded cluster, migrations, batch writer, rollups.
