package access

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/bartizan-ai/bartizan/record"
)

// TestRemembered: what is remembered is what would be decided again, whatever the question
// differs in; errors and people are asked about each time; memory is bounded.
func TestRemembered(t *testing.T) {
	text := `permit(principal == System::"a", action == Action::"release", resource) when { context.label == "general" && context.id != "k2" && context.purpose != "sales" };
forbid(principal, action == Action::"release", resource == Provider::"near") when { context.op == "embed" };
forbid(principal, action == Action::"release", resource == Provider::"far") when { context.region != "eu" };
forbid(principal, action == Action::"release", resource == Provider::"odd") when { context.training == "never" && context.missing == 1 };`
	make := func() *Permits {
		p, err := NewPermits([]record.System{{Name: "a", Team: "t", Status: "active"}, {Name: "b", Team: "t", Status: "active"}}, []PermitFile{{Name: "x.cedar", Text: []byte(text)}})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	once := make()
	n := 0
	for range 2 {
		for _, system := range []string{"a", "b", "none"} {
			for _, id := range []string{"k1", "k2"} {
				for _, target := range []string{"near", "far", "odd"} {
					for _, label := range []string{"general", "confidential"} {
						for _, region := range []string{"eu", "us"} {
							for _, op := range []string{"chat", "embed", "chat for sales"} {
								op, purpose, _ := strings.Cut(op, " for ")
								a := Ask{Principal: record.Principal{Kind: "key", ID: id, System: system}, Point: Release, Target: target, Op: op,
									Context: map[string]string{"label": label, "region": region, "training": "never", "purpose": purpose}}
								if got, want := once.Decide(a), make().Decide(a); !reflect.DeepEqual(got, want) {
									t.Fatalf("%+v: %+v, want %+v", a, got, want)
								}
								n++
							}
						}
					}
				}
			}
		}
	}
	for k := range once.released.all {
		if k.target == "odd" {
			t.Error("an error was remembered")
		}
	}
	if len(once.released.all) == 0 || n < 200 {
		t.Errorf("%d remembered of %d", len(once.released.all), n)
	}
	for _, a := range []Ask{
		{Principal: record.Principal{Kind: "person", ID: "p"}, Point: Release, Context: map[string]string{"label": "", "region": "", "training": "", "purpose": ""}},
		{Principal: record.Principal{Kind: "key", System: "a"}, Point: Admit, Context: map[string]string{"label": "", "region": "", "training": "", "purpose": ""}},
		{Principal: record.Principal{Kind: "key", System: "a"}, Point: Release, Context: map[string]string{"label": "", "region": "", "training": "", "more": ""}},
		{Principal: record.Principal{Kind: "key", System: "a"}, Point: Release, Roles: []string{"x"}, Context: map[string]string{"label": "", "region": "", "training": "", "purpose": ""}},
	} {
		if _, same := released(a); same {
			t.Errorf("%+v is remembered", a)
		}
	}
	var r remembered
	for i := range mostRemembered + 10 {
		r.put(releaseKey{target: fmt.Sprint(i)}, record.Permit{})
	}
	if len(r.all) > mostRemembered {
		t.Errorf("%d are remembered", len(r.all))
	}
}
