-- What a table of rollups keeps: keep is null for ever. Rows whose window starts before
-- purged_before are gone or going, and never written again. pieces says how they go: 'days' are
-- partitions, 'chunks' TimescaleDB's, 'rows' are deleted one by one.
CREATE TABLE IF NOT EXISTS hta_retention (
	rollups text PRIMARY KEY,
	keep interval,
	pieces text NOT NULL,
	purged_before timestamptz
) WITH (fillfactor = 50);

CREATE OR REPLACE FUNCTION hta_day(a_time timestamptz) RETURNS timestamptz LANGUAGE sql STABLE AS $hta$
	SELECT to_timestamp(floor(extract(epoch FROM a_time) / 86400) * 86400)
$hta$;

-- Where a partition begins (a_end FROM) or ends (TO); null: it is the default one, or has no limit there.
CREATE OR REPLACE FUNCTION hta_bound(a_part oid, a_end text)
RETURNS timestamptz LANGUAGE plpgsql STABLE SET timezone = 'UTC' SET datestyle = 'ISO' AS $hta$
BEGIN
	RETURN (SELECT substring(pg_get_expr(relpartbound, oid) FROM a_end || ' \(''([^'']+)''\)')
		FROM pg_class WHERE oid = a_part)::timestamptz;
END $hta$;

-- How the rows of a table go: 'days' where its partitions are a default one and those of hta_days.
-- Partitions of somebody else's are not dropped.
CREATE OR REPLACE FUNCTION hta_pieces(a_table regclass) RETURNS text LANGUAGE plpgsql STABLE AS $hta$
BEGIN
	IF (SELECT relkind <> 'p' FROM pg_class WHERE oid = a_table) OR
		pg_get_partkeydef(a_table) <> 'RANGE (window_start)' THEN RETURN 'rows'; END IF;
	RETURN (SELECT CASE WHEN bool_or(is_default) AND bool_and(is_default OR is_day IS TRUE) THEN 'days' ELSE 'rows' END
		FROM (SELECT pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT' AND c.relname ~ '_default$' AS is_default,
			c.relname ~ '_p[0-9]{8}$' AND hta_bound(c.oid, 'TO') = hta_bound(c.oid, 'FROM') + interval '24 hours' AS is_day
		FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = a_table) part);
END $hta$;

-- Called in an epoch's transaction behind hta_advance, before the rows. Raises the mark to the day
-- before which every window ended `keep` or longer ago: by what is final in the job, and at most by
-- the clock, so that an event of the future takes nothing with it that is young. a_known is the
-- mark that the epoch's rows were chosen by: where another one holds, the epoch is to begin again
-- (ZHT03, the message is that mark in microseconds). Nobody else can raise the mark until the
-- transaction ends. Who is going to raise it locks at once for that, so none waits for another.
CREATE OR REPLACE FUNCTION hta_retain(a_rollups text, a_job text, a_sink text, a_known timestamptz)
RETURNS void LANGUAGE plpgsql AS $hta$
DECLARE
	r hta_retention;
	final timestamptz;
	wanted timestamptz;
BEGIN
	SELECT * INTO r FROM hta_retention WHERE rollups = a_rollups;
	SELECT CASE WHEN bool_and(p.idle) THEN max(p.watermark)
		WHEN bool_or(NOT p.idle AND p.watermark IS NULL) THEN NULL
		ELSE min(p.watermark) FILTER (WHERE NOT p.idle) END
	INTO final FROM hta_pos p WHERE p.job = a_job AND p.sink = a_sink;
	-- a partition that nothing was read from yet: nothing is final (and LEAST would pass over it)
	final := CASE WHEN final > now() THEN now() ELSE final END;
	wanted := hta_day(final - r.keep);
	IF wanted > coalesce(r.purged_before, '-infinity') THEN
		-- a window that starts just before the mark may be as long as the longest one
		SELECT hta_day(final - r.keep - make_interval(secs => coalesce(
			max(extract(epoch FROM (m.definition ->> 'every')::interval)), 0)::float8) - j.lateness)
		INTO wanted FROM hta_job j LEFT JOIN hta_metric m ON m.rollups = a_rollups
		WHERE j.job = a_job AND j.sink = a_sink GROUP BY j.lateness;
	END IF;
	IF wanted > coalesce(r.purged_before, '-infinity') THEN
		SELECT * INTO r FROM hta_retention WHERE rollups = a_rollups FOR UPDATE;
		r.purged_before := greatest(r.purged_before, wanted);
	ELSE
		SELECT * INTO r FROM hta_retention WHERE rollups = a_rollups FOR SHARE;
	END IF;
	IF r.purged_before IS DISTINCT FROM a_known THEN
		RAISE EXCEPTION USING ERRCODE = 'ZHT03',
			MESSAGE = coalesce((extract(epoch FROM r.purged_before) * 1000000)::bigint::text, '');
	END IF;
	UPDATE hta_retention SET purged_before = r.purged_before
	WHERE rollups = a_rollups AND purged_before IS DISTINCT FROM r.purged_before;
END $hta$;

-- Makes the partitions of these days, where they are missing, out of what the default partition has
-- of them. Rows of other days stay in the default partition: of days to come, and of more days than
-- are kept. The sink asks for those of two days to come, by its own clock, which may differ by a
-- day. ATTACH needs no lock that a reader or writer of other partitions waits for.
CREATE OR REPLACE FUNCTION hta_days(a_rollups text, a_table regclass, a_days timestamptz[])
RETURNS void LANGUAGE plpgsql SET lock_timeout = '1s' SET timezone = 'UTC' SET datestyle = 'ISO' AS $hta$
DECLARE
	day timestamptz;
	space text;
	base text;
	rest regclass;
	most int;
	mark timestamptz;
BEGIN
	PERFORM pg_advisory_xact_lock(7528274551);
	SELECT n.nspname, c.relname INTO space, base
	FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = a_table;
	SELECT c.oid INTO rest FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
	WHERE i.inhparent = a_table AND pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT';
	SELECT extract(epoch FROM coalesce(keep, '3650 days')) / 86400 + 60, purged_before
	INTO most, mark FROM hta_retention WHERE rollups = a_rollups;
	FOREACH day IN ARRAY a_days LOOP
		CONTINUE WHEN day > now() + interval '3 days' OR day < mark OR
			to_regclass(format('%I.%I', space, base || to_char(day, '"_p"YYYYMMDD'))) IS NOT NULL;
		EXIT WHEN (SELECT count(*) FROM pg_inherits WHERE inhparent = a_table) > most;
		IF rest IS NOT NULL THEN
			EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', rest);
		END IF;
		EXECUTE format('CREATE TABLE %1$I.%2$I (LIKE %1$I.%3$I INCLUDING DEFAULTS) WITH (fillfactor = 80)',
			space, base || to_char(day, '"_p"YYYYMMDD'), base);
		IF rest IS NOT NULL THEN
			EXECUTE format('WITH moved AS (DELETE FROM %1$s WHERE window_start >= %4$L AND window_start < '
				'%5$L RETURNING *) INSERT INTO %2$I.%3$I SELECT * FROM moved',
				rest, space, base || to_char(day, '"_p"YYYYMMDD'), day, day + interval '24 hours');
		END IF;
		EXECUTE format('ALTER TABLE %1$I.%2$I ATTACH PARTITION %1$I.%3$I FOR VALUES FROM (%4$L) TO (%5$L)',
			space, base, base || to_char(day, '"_p"YYYYMMDD'), day, day + interval '24 hours');
	END LOOP;
END $hta$;

-- Takes away what lies before the mark. True: there is more, or it is somebody else's work now.
-- A partition is dropped where its bounds say that nothing younger can be in it. A row is deleted by
-- its place, which rows of other partitions have, too: only its window says that it is to go.
-- Where this role may not drop, it may still delete.
CREATE OR REPLACE FUNCTION hta_purge(a_rollups text, a_table regclass)
RETURNS boolean LANGUAGE plpgsql SET lock_timeout = '1s' SET timezone = 'UTC' SET datestyle = 'ISO' AS $hta$
DECLARE
	r hta_retention;
	part regclass;
	n bigint;
BEGIN
	SELECT * INTO r FROM hta_retention WHERE rollups = a_rollups;
	IF r.purged_before IS NULL THEN RETURN false; END IF;
	IF NOT pg_try_advisory_xact_lock(7528274552) THEN RETURN true; END IF;
	IF r.pieces = 'chunks' THEN
		EXECUTE 'SELECT count(*) FROM drop_chunks($1, older_than => $2)' USING a_table, r.purged_before;
		RETURN false;
	END IF;
	FOR part IN SELECT c.oid FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		WHERE r.pieces = 'days' AND i.inhparent = a_table AND c.relname ~ '_p[0-9]{8}$' AND
		hta_bound(c.oid, 'TO') <= r.purged_before LOOP
		BEGIN
			EXECUTE format('DROP TABLE %s', part);
		EXCEPTION WHEN insufficient_privilege THEN
			EXIT;
		END;
	END LOOP;
	EXECUTE format('DELETE FROM %1$s WHERE window_start < $1 AND ctid = ANY (ARRAY(SELECT t.ctid FROM hta_metric m, '
		'LATERAL (SELECT ctid FROM %1$s WHERE metric = m.metric AND window_start < $1 LIMIT 20000) t '
		'WHERE m.rollups = $2 LIMIT 20000))', a_table) USING r.purged_before, a_rollups;
	GET DIAGNOSTICS n = ROW_COUNT;
	RETURN n >= 20000;
END $hta$;
