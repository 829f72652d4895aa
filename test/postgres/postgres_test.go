package postgres_test

import (
	"testing"

	"github.com/multi-tenant/manage-kafka/test/postgres"
)

func TestMain(m *testing.M) { postgres.Main(m) }

func TestDatabasesAreApart(t *testing.T) {
	s := postgres.Shared(t)
	one, two := s.Database(), s.Database()
	s.Psql(one, "-c", "CREATE TABLE t(n int)")
	if got := s.Psql(two, "-c", "SELECT to_regclass('t') IS NULL"); got != "t" {
		t.Errorf("the table of one database shows in another: %q", got)
	}
}

func TestKilledServerKeepsItsData(t *testing.T) {
	s := postgres.Start(t, postgres.Options{Settings: map[string]string{"fsync": "on"}})
	dsn := s.Database()
	s.Psql(dsn, "-c", "CREATE TABLE t(n int)", "-c", "INSERT INTO t VALUES (42)")
	s.Kill()
	s.Restart()
	if got := s.Psql(dsn, "-c", "SELECT n FROM t"); got != "42" {
		t.Errorf("after the restart the table holds %q", got)
	}
	if got := s.Psql(dsn, "-c", "SHOW fsync"); got != "on" {
		t.Errorf("the setting did not win: %q", got)
	}
}
