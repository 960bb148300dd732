-- +goose Up
CREATE TABLE redteam_canaries (
	system     TEXT NOT NULL PRIMARY KEY,
	due        BIGINT NOT NULL,
	began      BIGINT NOT NULL,
	since      BIGINT NOT NULL,
	folder     TEXT NOT NULL,
	causes     TEXT NOT NULL,
	deployed   TEXT NOT NULL,
	known      TEXT NOT NULL,
	asked      TEXT NOT NULL,
	day        BIGINT NOT NULL,
	tokens     BIGINT NOT NULL,
	paused     BIGINT NOT NULL,
	paused_by  TEXT NOT NULL,
	paused_why TEXT NOT NULL,
	holder     TEXT NOT NULL,
	held_until BIGINT NOT NULL
);
CREATE TABLE redteam_round (
	system   TEXT NOT NULL,
	begun    BIGINT NOT NULL,
	ended    BIGINT NOT NULL,
	causes   TEXT NOT NULL,
	folder   TEXT NOT NULL,
	panel    TEXT NOT NULL,
	deployed TEXT NOT NULL,
	tries    TEXT NOT NULL,
	tokens   BIGINT NOT NULL,
	fault    TEXT NOT NULL,
	PRIMARY KEY (system, begun)
);
CREATE TABLE redteam_alarm (
	id        TEXT NOT NULL PRIMARY KEY,
	system    TEXT NOT NULL,
	kind      TEXT NOT NULL,
	series    TEXT NOT NULL,
	at        BIGINT NOT NULL,
	begun     BIGINT NOT NULL,
	note      TEXT NOT NULL,
	closed    BIGINT NOT NULL,
	closed_by TEXT NOT NULL,
	why       TEXT NOT NULL
);
CREATE INDEX redteam_alarm_system ON redteam_alarm (system, closed);

-- +goose Down
DROP TABLE redteam_alarm;
DROP TABLE redteam_round;
DROP TABLE redteam_canaries;
