-- +goose Up
CREATE TABLE redteam_finding (
	id         TEXT NOT NULL PRIMARY KEY,
	campaign   TEXT NOT NULL,
	begun      BIGINT NOT NULL,
	attempt    TEXT NOT NULL,
	pair       TEXT NOT NULL,
	arm        TEXT NOT NULL,
	target     TEXT NOT NULL,
	actor      TEXT NOT NULL,
	refs       TEXT NOT NULL,
	category   TEXT NOT NULL,
	strategy   TEXT NOT NULL,
	chain      TEXT NOT NULL,
	seed       TEXT NOT NULL,
	impact     TEXT NOT NULL,
	evidence   TEXT NOT NULL,
	damage     TEXT NOT NULL,
	likelihood TEXT NOT NULL,
	mitigation TEXT NOT NULL,
	owner      TEXT NOT NULL,
	due        BIGINT NOT NULL,
	state      TEXT NOT NULL,
	made       BIGINT NOT NULL,
	made_by    TEXT NOT NULL,
	UNIQUE (campaign, attempt)
);
CREATE INDEX redteam_finding_pair ON redteam_finding (pair);
CREATE TABLE redteam_step (
	finding  TEXT NOT NULL,
	n        BIGINT NOT NULL,
	at       BIGINT NOT NULL,
	by_whom  TEXT NOT NULL,
	what     TEXT NOT NULL,
	note     TEXT NOT NULL,
	PRIMARY KEY (finding, n)
);

-- +goose Down
DROP TABLE redteam_step;
DROP TABLE redteam_finding;
