-- What a Redshift database has and PostgreSQL's has not: system views, and functions that read JSON. All of it stands in
-- pg_catalog, where it is found without a search path, as in Redshift.
--
-- Columns follow the Amazon Redshift Database Developer Guide (SVV views); those that make no sense here are NULL.
SET allow_system_table_mods = on;
CREATE EXTENSION IF NOT EXISTS postgres_fdw SCHEMA pg_catalog;

CREATE OR REPLACE FUNCTION pg_catalog.is_valid_json(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
	RETURN json_typeof($1::json) IS NOT NULL;
EXCEPTION WHEN invalid_text_representation THEN
	RETURN false;
END $$;

-- The value at a path of keys; an empty text where there is none.
CREATE OR REPLACE FUNCTION pg_catalog.json_extract_path_text(text, VARIADIC text[]) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS
	$$ SELECT coalesce($1::json #>> $2, '') $$;

-- The external schemas. Their options are kept in the comment on the schema.
CREATE OR REPLACE VIEW pg_catalog.pg_external_schema AS
SELECT n.oid AS esoid, 3 AS eskind, -- 3 is PostgreSQL
	d.o ->> 'DATABASE' AS esdbname, ((d.o)::jsonb - 'DATABASE')::text AS esoptions
FROM pg_namespace n
CROSS JOIN LATERAL (SELECT CASE WHEN c LIKE 'external schema {%' THEN substr(c, 17)::json END AS o
	FROM obj_description(n.oid, 'pg_namespace') AS c) d
WHERE d.o IS NOT NULL AND (pg_has_role(n.nspowner, 'USAGE') OR has_schema_privilege(n.oid, 'USAGE'));

CREATE OR REPLACE VIEW pg_catalog.svv_external_schemas AS
SELECT e.esoid, e.eskind::smallint AS eskind, n.nspname AS schemaname, n.nspowner::integer AS esowner, e.esdbname AS databasename, e.esoptions
FROM pg_external_schema e JOIN pg_namespace n ON n.oid = e.esoid;

CREATE OR REPLACE VIEW pg_catalog.svv_all_schemas AS
SELECT current_database()::varchar(128) AS database_name, n.nspname::varchar(128) AS schema_name, n.nspowner::integer AS schema_owner,
	CASE WHEN e.esoid IS NULL THEN 'local' ELSE 'external' END::varchar(128) AS schema_type, n.nspacl::text::varchar(128) AS schema_acl,
	NULL::varchar(128) AS source_database, e.esoptions::varchar(256) AS schema_option
FROM pg_namespace n LEFT JOIN pg_external_schema e ON e.esoid = n.oid
WHERE n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
	AND (e.esoid IS NOT NULL OR coalesce(obj_description(n.oid, 'pg_namespace'), '') NOT LIKE 'external schema {%');

CREATE OR REPLACE VIEW pg_catalog.svv_external_tables AS
SELECT current_database()::text AS redshift_database_name, s.schemaname::text AS schemaname, c.relname::text AS tablename,
	split_part(obj_description(c.oid, 'pg_class'), ' ', 1) AS tabletype, NULL::text AS location, NULL::text AS input_format,
	NULL::text AS output_format, NULL::text AS serialization_lib, NULL::text AS serde_parameters, 0 AS compressed, NULL::text AS parameters
FROM svv_external_schemas s JOIN pg_class c ON c.relnamespace = s.esoid
WHERE c.relkind = 'f' AND has_schema_privilege(s.esoid, 'USAGE');

CREATE OR REPLACE VIEW pg_catalog.svv_external_columns AS
SELECT t.redshift_database_name, t.schemaname, t.tablename, a.attname::text AS columnname, format_type(a.atttypid, a.atttypmod) AS external_type,
	a.attnum::integer AS columnnum, 0 AS part_key, CASE WHEN a.attnotnull THEN 'false' ELSE 'true' END AS is_nullable
FROM svv_external_tables t JOIN pg_attribute a ON a.attrelid = format('%I.%I', t.schemaname, t.tablename)::regclass
WHERE a.attnum > 0 AND NOT a.attisdropped;

-- Redshift's roles are PostgreSQL's roles of a name that no user and no group can have: role:NAME.
CREATE OR REPLACE VIEW pg_catalog.svv_roles AS
SELECT oid::integer AS role_id, substr(rolname, 6) AS role_name, NULL::text AS role_owner, NULL::text AS external_id
FROM pg_roles WHERE rolname LIKE 'role:%';

CREATE OR REPLACE VIEW pg_catalog.svv_user_grants AS
SELECT u.usesysid::integer AS user_id, u.usename::text AS user_name, r.role_id, r.role_name, m.admin_option
FROM pg_auth_members m JOIN svv_roles r ON r.role_id = m.roleid::integer JOIN pg_user u ON u.usesysid = m.member;

CREATE OR REPLACE VIEW pg_catalog.svv_role_grants AS
SELECT r.role_id, r.role_name, g.role_id AS granted_role_id, g.role_name AS granted_role_name
FROM pg_auth_members m JOIN svv_roles g ON g.role_id = m.roleid::integer JOIN svv_roles r ON r.role_id = m.member::integer;

-- PostgreSQL's own shows every role that cannot log in.
CREATE OR REPLACE VIEW pg_catalog.pg_group AS
SELECT rolname AS groname, oid AS grosysid, ARRAY(SELECT member FROM pg_auth_members WHERE roleid = oid) AS grolist
FROM pg_authid WHERE NOT rolcanlogin AND rolname NOT LIKE 'role:%' AND rolname NOT LIKE 'pg\_%';

-- What was granted, not what owners have by themselves. Superusers see all of it, and so do users with ACCESS SYSTEM TABLE,
-- which membership of pg_monitor plays; others see what was granted to themselves, also of their own schemas. The guide says
-- "identities they have access to or own"; that ownership of the schema shows nothing is our reading of it.
CREATE OR REPLACE VIEW pg_catalog.svv_schema_privileges AS
SELECT n.nspname::text AS namespace_name, p.privilege_type, p.grantee::integer AS identity_id,
	CASE WHEN p.grantee = 0 THEN 'public' WHEN r.rolname LIKE 'role:%' THEN substr(r.rolname, 6) ELSE r.rolname::text END AS identity_name,
	CASE WHEN p.grantee = 0 THEN 'public' WHEN r.rolname LIKE 'role:%' THEN 'role' WHEN r.rolcanlogin THEN 'user' ELSE 'group' END AS identity_type,
	p.is_grantable AND coalesce(r.rolcanlogin, false) AS admin_option, 'SCHEMA'::text AS privilege_scope
FROM pg_namespace n CROSS JOIN LATERAL aclexplode(n.nspacl) p LEFT JOIN pg_roles r ON r.oid = p.grantee
WHERE p.grantee <> n.nspowner AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
	AND (p.grantee = 0 OR pg_has_role('pg_monitor', 'USAGE') OR pg_has_role(p.grantee, 'USAGE'));

GRANT SELECT ON pg_catalog.pg_external_schema, pg_catalog.svv_external_schemas, pg_catalog.svv_all_schemas, pg_catalog.svv_external_tables,
	pg_catalog.svv_external_columns, pg_catalog.svv_roles, pg_catalog.svv_user_grants, pg_catalog.svv_role_grants, pg_catalog.pg_group,
	pg_catalog.svv_schema_privileges TO PUBLIC;
RESET allow_system_table_mods;
