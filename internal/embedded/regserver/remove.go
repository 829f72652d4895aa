package regserver

// removeSubject deletes every version of a subject, softly or for good, and
// returns their numbers.
func (s *Server) removeSubject(name string, permanent bool) ([]int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.state
	sub := st.subjects[name]
	live := sub.live()
	switch {
	case sub == nil:
		return nil, errSubjectNotFound(name)
	case permanent && len(live) > 0:
		return nil, errSubjectNotSoftDeleted(name)
	case !permanent && len(live) == 0:
		return nil, errSubjectSoftDeleted(name)
	}
	if err := st.writable(name); err != nil {
		return nil, err
	}
	var numbers []int
	var changes []change
	for _, v := range sub.versions {
		if v.Deleted && !permanent {
			continue
		}
		if st.referenced(name, v.Number, permanent) {
			return nil, errReferenceExists(name, v.Number)
		}
		numbers = append(numbers, v.Number)
		changes = append(changes, change{Kind: removal(permanent), Subject: name, Version: v.Number})
	}
	if _, ok := st.settings[name]; ok {
		changes = append(changes, change{Kind: kindSettings, Subject: name})
	}
	return numbers, s.commit(changes...)
}

// removeVersion deletes one version of a subject, softly or for good, and
// returns its number.
func (s *Server) removeVersion(name string, number int, permanent bool) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.state
	sub := st.subjects[name]
	if sub == nil || !permanent && len(sub.live()) == 0 {
		return 0, errSubjectNotFound(name)
	}
	v := sub.find(number)
	if number == latestVersion {
		v = sub.latest()
	}
	switch {
	case v == nil:
		return 0, errVersionNotFound(number)
	case v.Deleted && !permanent:
		return 0, errVersionSoftDeleted(name, v.Number)
	case permanent && !v.Deleted:
		return 0, errVersionNotSoftDeleted(name, v.Number)
	}
	if err := st.writable(name); err != nil {
		return 0, err
	}
	if st.referenced(name, v.Number, permanent) {
		return 0, errReferenceExists(name, v.Number)
	}
	number = v.Number
	return number, s.commit(change{Kind: removal(permanent), Subject: name, Version: number})
}

func removal(permanent bool) kind {
	if permanent {
		return kindPurge
	}
	return kindDelete
}

// referenced tells whether a version still has a schema that refers to this
// one. What was deleted softly can come back, so it counts when this one is to
// go for good.
func (st *state) referenced(name string, number int, permanent bool) bool {
	return len(st.referencing(name, number, permanent)) > 0
}

// referencing lists the ids of the schemas that refer to a version.
func (st *state) referencing(name string, number int, deleted bool) []int {
	ids := []int{}
	seen := map[int]bool{}
	for _, n := range st.names() {
		for _, v := range st.subjects[n].versions {
			if v.Deleted && !deleted || seen[v.ID] {
				continue
			}
			for _, r := range st.schemas[v.ID].Refs {
				if r.Subject == name && r.Version == number {
					seen[v.ID] = true
					ids = append(ids, v.ID)
					break
				}
			}
		}
	}
	return ids
}
