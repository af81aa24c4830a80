\restrict zTSWYR9AouIvEhUMEamSR2w0eODqnOqI0UHnsRS1HRAuMIvG6W5EmgOeYIA2X5t
CREATE FUNCTION public.hta_advance(a_job text, a_sink text, a_gen text, a_topic text[], a_part integer[], a_f bigint[], a_t bigint[], a_lo bigint[], a_lt timestamp with time zone[], a_lh text[], a_wm timestamp with time zone[], a_idle boolean[]) RETURNS void
    LANGUAGE plpgsql
    AS $$DECLARE g text; n int; fresh int; old int; x record; BEGIN SELECT generation INTO g FROM hta_job WHERE job = a_job AND sink = a_sink FOR SHARE; IF g IS DISTINCT FROM a_gen THEN RAISE EXCEPTION USING ERRCODE = 'ZHT02', MESSAGE = format('job %s has %s here, the epoch generation %s: the store was emptied, restored or started anew; start again', a_job, coalesce('generation ' || g, 'no generation'), a_gen); END IF; PERFORM 1 FROM hta_pos p, unnest(a_topic, a_part) u(topic, part) WHERE p.job = a_job AND p.sink = a_sink AND p.topic = u.topic AND p.partition = u.part  ORDER BY p.topic, p.partition FOR UPDATE OF p; SELECT count(*), count(*) FILTER (WHERE p.next = u.f), count(*) FILTER (WHERE p.next >= u.t) INTO n, fresh, old  FROM unnest(a_topic, a_part, a_f, a_t) u(topic, part, f, t) LEFT JOIN hta_pos p ON p.job = a_job AND p.sink = a_sink AND p.topic = u.topic AND p.partition = u.part  WHERE u.t > u.f; IF fresh < n THEN  IF old = n THEN RAISE EXCEPTION USING ERRCODE = 'ZHT01', MESSAGE = 'applied already'; END IF;  SELECT u.topic AS topic, u.part AS part, u.f AS f, u.t AS t, p.next AS next INTO x FROM unnest(a_topic, a_part, a_f, a_t) u(topic, part, f, t)   LEFT JOIN hta_pos p ON p.job = a_job AND p.sink = a_sink AND p.topic = u.topic AND p.partition = u.part WHERE u.t > u.f AND p.next IS DISTINCT FROM u.f LIMIT 1;  RAISE EXCEPTION USING ERRCODE = 'ZHT02', MESSAGE = format('%s/%s stands at %s here, the epoch goes from %s to %s: another pipeline has written it, or the store was restored; start again', x.topic, x.part, coalesce(x.next::text, 'no position'), x.f, x.t); END IF; UPDATE hta_pos p SET next = u.t, last_offset = coalesce(u.lo, p.last_offset), last_time = CASE WHEN u.lo IS NULL THEN p.last_time ELSE u.lt END,  last_hash = coalesce(u.lh, p.last_hash), watermark = greatest(p.watermark, u.wm), idle = u.idle  FROM unnest(a_topic, a_part, a_f, a_t, a_lo, a_lt, a_lh, a_wm, a_idle) u(topic, part, f, t, lo, lt, lh, wm, idle)  WHERE p.job = a_job AND p.sink = a_sink AND p.topic = u.topic AND p.partition = u.part AND (u.t > u.f OR p.next = u.t);END $$;
CREATE TABLE public.hta_dead (
    job text NOT NULL,
    sink text NOT NULL,
    kind text NOT NULL,
    topic text,
    partition integer,
    record_offset bigint,
    stage text NOT NULL,
    reason text NOT NULL,
    size bigint NOT NULL,
    encoding text NOT NULL,
    record text NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE public.hta_job (
    job text NOT NULL,
    sink text NOT NULL,
    generation text NOT NULL,
    group_id text,
    by_now boolean NOT NULL,
    lateness interval DEFAULT '00:00:00'::interval NOT NULL
);
CREATE TABLE public.hta_metric (
    rollups text NOT NULL,
    metric text NOT NULL,
    sink text,
    job text,
    cfg text NOT NULL,
    definition jsonb NOT NULL,
    since timestamp with time zone
);
CREATE TABLE public.hta_pos (
    job text NOT NULL,
    sink text NOT NULL,
    topic text NOT NULL COLLATE pg_catalog."C",
    partition integer NOT NULL,
    init bigint NOT NULL,
    next bigint NOT NULL,
    last_offset bigint,
    last_time timestamp with time zone,
    last_hash text,
    watermark timestamp with time zone,
    idle boolean DEFAULT false NOT NULL
)
WITH (fillfactor='50');
CREATE TABLE public.hta_rollups (
    metric text NOT NULL COLLATE pg_catalog."C",
    window_start timestamp with time zone NOT NULL,
    window_end timestamp with time zone NOT NULL,
    dims_hash text NOT NULL COLLATE pg_catalog."C",
    dims jsonb NOT NULL,
    count bigint NOT NULL,
    value_count bigint,
    sum numeric,
    min numeric,
    max numeric,
    uniq bigint,
    uniq_sketch bytea,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
)
WITH (fillfactor='80');
CREATE VIEW public.hta_final AS
 SELECT r.metric,
    r.window_start,
    r.window_end,
    r.dims_hash,
    r.dims,
    r.count,
    r.value_count,
    r.sum,
    r.min,
    r.max,
    r.uniq,
    r.uniq_sketch,
    r.updated_at
   FROM (public.hta_rollups r
     LEFT JOIN public.hta_metric m ON (((m.rollups = 'hta_rollups'::text) AND (m.metric = r.metric))))
  WHERE ((m.job IS NULL) OR ((r.window_start >= COALESCE(m.since, '-infinity'::timestamp with time zone)) AND ((r.window_end + COALESCE(( SELECT j.lateness
           FROM public.hta_job j
          WHERE ((j.job = m.job) AND (j.sink = m.sink))), '00:00:00'::interval)) <= ( SELECT
                CASE
                    WHEN bool_and(p.idle) THEN max(p.watermark)
                    WHEN bool_or(((NOT p.idle) AND (p.watermark IS NULL))) THEN NULL::timestamp with time zone
                    ELSE min(p.watermark) FILTER (WHERE (NOT p.idle))
                END AS min
           FROM public.hta_pos p
          WHERE ((p.job = m.job) AND (p.sink = m.sink))))));
CREATE VIEW public.hta_numbers AS
 SELECT hta_rollups.metric,
    hta_rollups.window_start,
    hta_rollups.window_end,
    hta_rollups.dims,
    hta_rollups.dims_hash,
    hta_rollups.count,
    hta_rollups.value_count,
    (hta_rollups.sum)::double precision AS sum,
    (hta_rollups.min)::double precision AS min,
    (hta_rollups.max)::double precision AS max,
    ((hta_rollups.sum / (NULLIF(hta_rollups.value_count, 0))::numeric))::double precision AS avg,
    hta_rollups.uniq,
    hta_rollups.updated_at
   FROM public.hta_rollups;
CREATE TABLE public.hta_schema (
    version integer NOT NULL
);
INSERT INTO public.hta_dead VALUES ('web', 'pg:hta_rollups', 'dead', 'file:284:57e6ee394e8920d9', 0, 189, 'hta-window', 'metric hits: ts is a string, but no RFC 3339 time (2026-11-20T15:00:00Z)', 30, 'utf8', '{"ts":"yesterday","path":"/a"}', '2026-11-28 16:54:06.672952+00');
INSERT INTO public.hta_job VALUES ('web', 'pg:hta_rollups', '7d5b3d7bd872513c', NULL, false, '00:00:00');
INSERT INTO public.hta_metric VALUES ('hta_rollups', 'hits', 'pg:hta_rollups', 'web', '40a25394e32ddb6a', '{"by": ["path"], "time": "ts", "uniq": "user", "every": "1m", "value": "ms"}', NULL);
INSERT INTO public.hta_metric VALUES ('hta_rollups', 'all', 'pg:hta_rollups', 'web', 'c1b954a69fd0a29a', '{"by": [], "time": "ts", "every": "1h"}', NULL);
INSERT INTO public.hta_metric VALUES ('hta_rollups', 'plain', NULL, NULL, '', '{}', NULL);
INSERT INTO public.hta_pos VALUES ('web', 'pg:hta_rollups', 'file:284:57e6ee394e8920d9', 0, 0, 284, 220, NULL, '6f7cf2fc976203eb', '2026-01-01 00:01:01+00', true);
INSERT INTO public.hta_rollups VALUES ('all', '2026-01-01 00:00:00+00', '2026-01-01 01:00:00+00', '99aa06d3014798d86001c324468d497f', '{}', 4, NULL, NULL, NULL, NULL, NULL, NULL, '2026-11-28 16:54:06.672952+00');
INSERT INTO public.hta_rollups VALUES ('hits', '2026-01-01 00:00:00+00', '2026-01-01 00:01:00+00', '2dbaeff1cdbd55f9624401cf93c37a22', '{"path": "/b"}', 1, 1, 2.25, 2.25, 2.25, 1, '\x010c9c03', '2026-11-28 16:54:06.672952+00');
INSERT INTO public.hta_rollups VALUES ('hits', '2026-01-01 00:00:00+00', '2026-01-01 00:01:00+00', '596ab69c1e89a5085a0e8020b9838543', '{"path": "/a"}', 2, 2, -1.5, -3, 1.5, 1, '\x01092cc2', '2026-11-28 16:54:06.672952+00');
INSERT INTO public.hta_rollups VALUES ('hits', '2026-01-01 00:01:00+00', '2026-01-01 00:02:00+00', '596ab69c1e89a5085a0e8020b9838543', '{"path": "/a"}', 1, 1, 1000000000000000, 1000000000000000, 1000000000000000, 1, '\x01000001', '2026-11-28 16:54:06.672952+00');
INSERT INTO public.hta_rollups VALUES ('plain', '2026-01-01 00:00:00+00', '2026-01-01 00:01:00+00', '2dbaeff1cdbd55f9624401cf93c37a22', '{"path": "/b"}', 1, NULL, NULL, NULL, NULL, NULL, NULL, '2026-11-28 16:54:06.878758+00');
INSERT INTO public.hta_rollups VALUES ('plain', '2026-01-01 00:00:00+00', '2026-01-01 00:01:00+00', '596ab69c1e89a5085a0e8020b9838543', '{"path": "/a"}', 2, NULL, NULL, NULL, NULL, NULL, NULL, '2026-11-28 16:54:06.878758+00');
INSERT INTO public.hta_rollups VALUES ('plain', '2026-01-01 00:01:00+00', '2026-01-01 00:02:00+00', '596ab69c1e89a5085a0e8020b9838543', '{"path": "/a"}', 1, NULL, NULL, NULL, NULL, NULL, NULL, '2026-11-28 16:54:06.878758+00');
INSERT INTO public.hta_schema VALUES (1);
ALTER TABLE ONLY public.hta_job
    ADD CONSTRAINT hta_job_pkey PRIMARY KEY (job, sink);
ALTER TABLE ONLY public.hta_metric
    ADD CONSTRAINT hta_metric_pkey PRIMARY KEY (rollups, metric);
ALTER TABLE ONLY public.hta_pos
    ADD CONSTRAINT hta_pos_pkey PRIMARY KEY (job, sink, topic, partition);
ALTER TABLE ONLY public.hta_rollups
    ADD CONSTRAINT hta_rollups_pkey PRIMARY KEY (metric, window_start, window_end, dims_hash);
CREATE INDEX hta_dead_job ON public.hta_dead USING btree (job, sink, at);
\unrestrict zTSWYR9AouIvEhUMEamSR2w0eODqnOqI0UHnsRS1HRAuMIvG6W5EmgOeYIA2X5t
