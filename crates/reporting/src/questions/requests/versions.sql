select id, version from price_versions where id = any ($1)
