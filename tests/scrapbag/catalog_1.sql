-- What version 1 left after a crawl at a limit of four pictures (a dump by sqlite3)
BEGIN TRANSACTION;
CREATE TABLE host (
    name       text primary key,
    not_before real not null                        -- seconds since 1970: what a Retry-After asked for
) without rowid;
CREATE TABLE label (
    id        integer primary key,
    sha256    text not null,
    answer    text not null,                        -- yes | no | unsure
    targets   text not null,                        -- the question: JSON list, sorted
    purpose   text not null,                        -- certify | teach | import
    drawn     text not null default '{}',           -- JSON: how it was drawn, of which score version and threshold
    at        text not null,
    undone    integer not null default 0
);
CREATE TABLE picture (
    id         integer primary key,                 -- a square's name; never used again
    sha256     text not null unique,
    extension  text not null,                       -- from the signature
    bytes      integer not null,
    width      integer,                             -- pixels, before any EXIF turn; null when unreadable
    height     integer,
    problem    text not null default '',            -- not_image | truncated ..., when storing already saw it
    added_at   text not null
);
INSERT INTO "picture" VALUES(1,'b366820608f6f7036e83ead1d3a6e6cfc54d20474d615e5fa19b87224c75838b','jpg',2447,64,64,'','2026-11-28T11:47:05+00:00');
INSERT INTO "picture" VALUES(2,'2ad87b2c9bbdb378df582e09a7199e73c2f950066b88b3804e4abf6cb57e0d04','jpg',2436,64,64,'','2026-11-28T11:47:05+00:00');
INSERT INTO "picture" VALUES(3,'2950267754d8aff64eee4a5252b4ec93e68763abbe428efc5afae8b31a53c43b','jpg',2471,64,64,'','2026-11-28T11:47:05+00:00');
INSERT INTO "picture" VALUES(4,'469190525116fcb8e13ff3e7f3b68528b12d95d5be4a97cf998a472e02c8db11','jpg',2469,64,64,'','2026-11-28T11:47:05+00:00');
CREATE TABLE request (
    id            integer primary key,
    url           text not null,
    host          text not null,                    -- with its port, where the address names one
    source        text not null,
    kind          text not null,                    -- page | picture
    callback      text not null default '',         -- which method of the source's spider reads a page
    meta          text not null default '{}',       -- JSON that the callback needs
    once          integer not null default 0,       -- a page that a later scrape does not ask again
    state         text not null default 'queued',   -- queued | leased | done | failed | skipped
    reason        text not null default '',         -- of failed and skipped: opt_out robots http_4xx ...
    attempts      integer not null default 0,
    not_before    real not null default 0,          -- seconds since 1970
    status        integer,                          -- the last HTTP status
    etag          text not null default '',
    last_modified text not null default '',
    fetched_at    text not null default '',         -- ISO 8601, UTC
    sha256        text                              -- of a picture that came
);
INSERT INTO "request" VALUES(1,'http://127.0.0.1:8099/list0','127.0.0.1:8099','shop','page','parse','{}',0,'done','',1,0.0,200,'"v1"','','2026-11-28T11:47:05+00:00',NULL);
INSERT INTO "request" VALUES(2,'http://127.0.0.1:8099/gone.jpg','127.0.0.1:8099','list','picture','','{}',0,'failed','http_4xx',1,0.0,404,'','','2026-11-28T11:47:05+00:00',NULL);
INSERT INTO "request" VALUES(3,'http://127.0.0.1:8099/0.jpg','127.0.0.1:8099','list','picture','','{}',0,'done','',1,0.0,200,'','','2026-11-28T11:47:05+00:00','2ad87b2c9bbdb378df582e09a7199e73c2f950066b88b3804e4abf6cb57e0d04');
INSERT INTO "request" VALUES(4,'folder://folder/a.jpg','folder','folder','picture','','{}',0,'done','',1,0.0,200,'','','2026-11-28T11:47:05+00:00','b366820608f6f7036e83ead1d3a6e6cfc54d20474d615e5fa19b87224c75838b');
INSERT INTO "request" VALUES(5,'http://127.0.0.1:8099/1.jpg','127.0.0.1:8099','shop','picture','','{}',0,'done','',1,0.0,200,'','','2026-11-28T11:47:05+00:00','2950267754d8aff64eee4a5252b4ec93e68763abbe428efc5afae8b31a53c43b');
INSERT INTO "request" VALUES(6,'http://127.0.0.1:8099/2.jpg','127.0.0.1:8099','shop','picture','','{}',0,'done','',1,0.0,200,'','','2026-11-28T11:47:05+00:00','469190525116fcb8e13ff3e7f3b68528b12d95d5be4a97cf998a472e02c8db11');
INSERT INTO "request" VALUES(7,'http://127.0.0.1:8099/list1','127.0.0.1:8099','shop','page','parse','{}',0,'done','',1,0.0,200,'"v1"','','2026-11-28T11:47:05+00:00',NULL);
INSERT INTO "request" VALUES(8,'http://127.0.0.1:8099/3.jpg','127.0.0.1:8099','shop','picture','','{}',0,'queued','',0,0.0,NULL,'','','',NULL);
INSERT INTO "request" VALUES(9,'http://127.0.0.1:8099/4.jpg','127.0.0.1:8099','shop','picture','','{}',0,'queued','',0,0.0,NULL,'','','',NULL);
INSERT INTO "request" VALUES(10,'http://127.0.0.1:8099/5.jpg','127.0.0.1:8099','shop','picture','','{}',0,'queued','',0,0.0,NULL,'','','',NULL);
CREATE TABLE sighting (
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
    primary key (url, page_url)
) without rowid;
INSERT INTO "sighting" VALUES('folder://folder/a.jpg','folder://folder','folder','a.jpg','a','','','unknown','','',NULL);
INSERT INTO "sighting" VALUES('http://127.0.0.1:8099/0.jpg','','list','','','','','unknown','','',NULL);
INSERT INTO "sighting" VALUES('http://127.0.0.1:8099/0.jpg','http://127.0.0.1:8099/list0','shop','','','','','unknown','','',NULL);
INSERT INTO "sighting" VALUES('http://127.0.0.1:8099/1.jpg','http://127.0.0.1:8099/list0','shop','','','','','unknown','','',NULL);
INSERT INTO "sighting" VALUES('http://127.0.0.1:8099/2.jpg','http://127.0.0.1:8099/list0','shop','','','','','unknown','','',NULL);
INSERT INTO "sighting" VALUES('http://127.0.0.1:8099/3.jpg','http://127.0.0.1:8099/list1','shop','','','','','unknown','','',NULL);
INSERT INTO "sighting" VALUES('http://127.0.0.1:8099/4.jpg','http://127.0.0.1:8099/list1','shop','','','','','unknown','','',NULL);
INSERT INTO "sighting" VALUES('http://127.0.0.1:8099/5.jpg','http://127.0.0.1:8099/list1','shop','','','','','unknown','','',NULL);
INSERT INTO "sighting" VALUES('http://127.0.0.1:8099/gone.jpg','','list','','','','','unknown','','',NULL);
CREATE TABLE source (
    name   text primary key,
    recipe text not null                            -- as it was last read; a changed one reads its pages anew
) without rowid;
INSERT INTO "source" VALUES('folder','name = "folder"
licence = ""
licence_url = ""
creator = ""
tags = []
path = "/tmp/v1/folder"
');
INSERT INTO "source" VALUES('list','name = "list"
licence = ""
licence_url = ""
creator = ""
tags = []
path = "/tmp/v1/list.txt"
url = "url"
caption = "caption"
licence_column = "licence"
sha256 = "sha256"
');
INSERT INTO "source" VALUES('shop','name = "shop"
licence = ""
licence_url = ""
creator = ""
tags = []
start = [
    "http://127.0.0.1:8099/list0",
]
image = "img"
item = ""
next = "a.next"
title = ""
tag = ""
rating = ""
min_rating = 0.0
full = []
browser = false
actions = []
');
INSERT INTO "source" VALUES('smithsonian','name = "smithsonian"
query = "quilt"
api_key = "a-key-of-version-1"
api = "https://api.si.edu/openaccess/api/v1.0"
');
CREATE UNIQUE INDEX request_once on request
    (url, kind, case kind when 'page' then source else '' end, case kind when 'page' then callback else '' end);
CREATE INDEX request_ready on request (state, host, id);
CREATE INDEX request_sha256 on request (sha256);
CREATE INDEX label_sha256 on label (sha256);
COMMIT;
pragma user_version = 1;
