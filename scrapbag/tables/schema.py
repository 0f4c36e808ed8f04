"""The schema of catalog.db, and what makes an older version's tables these."""

from __future__ import annotations

VERSION = 6

SCHEMA = """
create table if not exists request (
    id            integer primary key,
    url           text not null,
    host          text not null,                    -- with its port, where the address names one
    source        text not null,
    kind          text not null,                    -- page | picture
    callback      text not null default '',         -- which method of the source's spider reads a page
    meta          text not null default '{}',       -- JSON that the callback needs
    once          integer not null default 0,       -- a page that a later scrape does not ask again
    state         text not null default 'queued',   -- queued | leased | done | failed | skipped
    reason        text not null default '',         -- of its last answer: opt_out robots http_4xx ...
    settled       text not null default '',         -- the state that its last answer brought it to; '' before the first
    edition       integer not null default 0,       -- of its source, when that last named it
    attempts      integer not null default 0,       -- answers since it was queued anew
    cuts          integer not null default 0,       -- runs in a row that were killed while they had leased it
    not_before    real not null default 0,          -- seconds since 1970
    status        integer,                          -- the last HTTP status
    etag          text not null default '',
    last_modified text not null default '',
    fetched_at    text not null default '',         -- ISO 8601, UTC
    sha256        text                              -- of a picture that came
);
-- a picture is asked for once over all sources; a page once for each source that reads it, in each way
create unique index if not exists request_once on request
    (url, kind, case kind when 'page' then source else '' end, case kind when 'page' then callback else '' end);
create index if not exists request_ready on request (state, host, id);
create index if not exists request_sha256 on request (sha256);
-- what make status counts: a million rows of the table itself take a second
create index if not exists request_counted on request (source, state, sha256 is not null) where kind = 'picture';

create table if not exists host (
    name       text primary key,
    not_before real not null,                       -- seconds since 1970: nothing is asked of it until then
    asked      integer not null default 1           -- whether the host asked for that (Retry-After)
) without rowid;

create table if not exists source (
    name    text primary key,
    recipe  text not null,                          -- as it was last read, without its key
    edition integer not null default 0,             -- raised by an edit: what the source names now has this edition
    since   integer not null default 0,             -- what it has not named since this edition is gone
    active  integer not null default 1,             -- whether the recipe has it
    round   integer not null default 0              -- raised whenever its lists are read from their start again
) without rowid;

create table if not exists chained (                -- list pages, each of which names the next
    page   integer primary key,                     -- its request
    chain  integer not null,                        -- the request of the first page
    number integer not null,                        -- its place, from 1
    before integer,                                 -- the request of the page that names it
    idle   integer not null default 0,              -- pages in a row, this one the last, that brought nothing new
    body   blob not null default x''                -- a digest of what was read last
);

create table if not exists shown (                  -- what the pages of a chain have shown
    chain integer not null,
    key   blob not null,                            -- a digest of an address, of a number, or of a whole page
    round integer not null,                         -- of its source, when it was shown last
    primary key (chain, key)
) without rowid;

create table if not exists ending (                 -- where a source was left before its end
    source  text not null,
    why     text not null,                          -- nothing_new | max_pages
    page    integer not null,                       -- the last request that was made; 0 is the recipe's start
    number  integer not null,                       -- the page's place in its list; or how many pages were left out
    edition integer not null,                       -- of its source
    primary key (source, why, page)
) without rowid;

create table if not exists picture (
    id         integer primary key,                 -- a square's name; never used again
    sha256     text not null unique,
    extension  text not null,                       -- from the signature
    bytes      integer not null,
    width      integer,                             -- pixels, before any EXIF turn; null when unreadable
    height     integer,
    problem    text not null default '',            -- not_image no_decoder ...; undecodable: decoders alone saw it
    added_at   text not null
);
create index if not exists picture_problem on picture (problem);  -- make status counts by it, too

create table if not exists sighting (
    id          integer primary key,                -- in the order of finding
    url         text not null,
    page_url    text not null,
    source      text not null,
    source_id   text not null default '',
    title       text not null default '',
    tags        text not null default '',           -- joined by ', '
    creator     text not null default '',
    licence     text not null default 'unknown',
    licence_url text not null default '',
    attribution text not null default '',
    rating      real,                               -- of 5
    edition     integer not null default 0,         -- of its source, when that last named it
    unique (url, page_url, source)
);

create table if not exists passed_over (            -- what a folder, an archive or a list holds that is no row
    source text not null,
    reason text not null,                           -- no_picture | link | no_address ...
    kind   text not null,                           -- what it is, by its name: txt, pdf, row ...
    count  integer not null,
    first  text not null,                           -- the name of the first
    primary key (source, reason, kind)
) without rowid;

create table if not exists label (
    id        integer primary key,
    sha256    text not null,
    answer    text not null,                        -- yes | no | unsure
    targets   text not null,                        -- the question: JSON list, sorted
    purpose   text not null,                        -- certify | teach | import
    drawn     text not null default '{}',           -- JSON: how it was drawn, of which score version and threshold
    at        text not null,
    undone    integer not null default 0
);
create index if not exists label_sha256 on label (sha256);

create view if not exists found as                  -- where a picture was found, what was answered and what came
select s.source, s.url, s.page_url, s.source_id, s.title, s.tags, s.creator, s.licence, s.licence_url, s.attribution,
    s.rating, r.state, r.reason, r.status, r.fetched_at, p.id as number, p.sha256, p.extension, p.bytes, p.width,
    p.height, p.problem
from sighting s left join request r on r.url = s.url and r.kind = 'picture' left join picture p on p.sha256 = r.sha256;
"""

# Of version 1, which counted leases as attempts, and knew of no editions
FROM_1 = """
alter table request add column settled text not null default '';
alter table request add column edition integer not null default 0;
alter table request add column cuts integer not null default 0;
update request set settled = state where state in ('done', 'failed', 'skipped');
update request set attempts = 0 where settled = '';
alter table host add column asked integer not null default 1;
alter table source add column edition integer not null default 0;
alter table source add column since integer not null default 0;
alter table source add column active integer not null default 1;
update source set recipe = substr(recipe, 1, instr(recipe, char(10) || 'api_key = '))
    || substr(recipe, instr(recipe, 'api_key = ') + instr(substr(recipe, instr(recipe, 'api_key = ')), char(10)))
    where instr(recipe, char(10) || 'api_key = ');
alter table sighting rename to sighting_1;
"""
# Of version 2, which knew of no chains, and counted nothing that it passed over
FROM_2 = "alter table source add column round integer not null default 0;\n"
SIGHTINGS_OF_1 = "insert into sighting select null, *, 0 from sighting_1;\ndrop table sighting_1;\n"
SCRIPTS = {  # by the version that a catalog has
    0: SCHEMA,
    1: f"{FROM_1}{FROM_2}{SCHEMA}{SIGHTINGS_OF_1}",
    2: f"{FROM_2}{SCHEMA}",
    3: SCHEMA,  # which had no view
    4: SCHEMA,  # which had no index to count addresses by
    5: SCHEMA,  # which had none to count pictures by
}
