package desk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bartizan-ai/bartizan/redteam"
)

// Attacks is where the desk finds what the red team did, and how it begins more.
type Attacks struct {
	Dir  string                                    // campaigns lie here, each in a folder of its own; "": there are none
	Open func(dir string) (*redteam.Opened, error) // one of them
	// Run runs the campaign of a folder on the range inside this process, or goes on with it,
	// until it has ended or the context has; nil: none can be begun here.
	Run      func(ctx context.Context, dir string, allowed redteam.Scope, tell func(redteam.Progress)) error
	Findings *redteam.Findings // nil: none are kept
	Canaries *redteam.Canaries // nil: nothing is tried while people use it
	ToCover  []Framework       // what is to be tried
}

// Framework is a list of techniques that attacks are held against.
type Framework struct {
	Name  string   `json:"name"`
	Items []string `json:"items"`
}

// The states of a campaign.
const (
	CampaignRunning    = "running"  // in this process
	CampaignStopping   = "stopping" // somebody stopped it a moment ago
	CampaignDone       = "done"
	CampaignUnfinished = "unfinished" // it can go on where it was, or somebody else runs it
	CampaignUnreadable = "unreadable"
)

// Campaign is one campaign and what it showed so far.
type Campaign struct {
	ID    string `json:"id"` // its folder
	State string `json:"state"`
	Why   string `json:"why,omitempty"` // it is unreadable, or ended early
	// Answer is the gate's, as far as it holds: what has not been tried to the end passes
	// nothing, and what got worse than before fails.
	Answer   string              `json:"answer"`
	Progress *redteam.Progress   `json:"progress,omitempty"` // of one that runs here
	Inside   bool                `json:"inside"`             // all it attacks is the range inside this process
	Analysis *redteam.Analysis   `json:"analysis,omitempty"` // nil: nothing was tried yet
	Plan     *redteam.Plan       `json:"plan,omitempty"`
	Before   string              `json:"before,omitempty"` // the campaign of the same name that went before
	Change   *redteam.Comparison `json:"change,omitempty"` // against that
	Survey   *redteam.Survey     `json:"-"`
}

// Last is what the arm did that is gated.
func (c *Campaign) Last() *redteam.ArmResult {
	if c.Analysis == nil || len(c.Analysis.Arms) == 0 {
		return nil
	}
	return &c.Analysis.Arms[len(c.Analysis.Arms)-1]
}

// campaigns is what the desk knows of folders, so that they are read again only when they
// changed, and the one campaign that may run here.
type campaigns struct {
	mu      sync.Mutex
	known   map[string]*folder
	compare map[[2]string]compared
	job     *job
	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// folder is a campaign as its files were at a moment.
type folder struct {
	stamp  string
	at     time.Time
	opened *redteam.Opened
	a      *redteam.Analysis
	survey *redteam.Survey
	err    error
}

type compared struct {
	stamp  string
	change *redteam.Comparison
}

func (c *campaigns) open() {
	c.known, c.compare = map[string]*folder{}, map[[2]string]compared{}
	c.ctx, c.cancel = context.WithCancel(context.Background())
}

func (c *campaigns) close() {
	c.cancel()
	c.running.Wait()
}

// CampaignName is what a folder of campaigns can be called, so that pages can name it.
var CampaignName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$`)

// reserved are names that stand for something else where campaigns are named.
var reserved = []string{"coverage", "findings", "live", "run"}

// MaxCampaigns is how many campaigns are listed, the newest.
const MaxCampaigns = 40

// liveFor is how long what is being written is not read again.
const liveFor = 2 * time.Second

// stamp changes when a campaign's files do.
func stamp(dir string) string {
	var b strings.Builder
	for _, name := range []string{"campaign.json", "results.jsonl", "disputes.jsonl"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil {
			fmt.Fprintf(&b, "%s %d %d;", name, info.Size(), info.ModTime().UnixNano())
		}
	}
	return b.String()
}

// ids lists the folders of campaigns, the newest first.
func (d *Desk) ids() ([]string, error) {
	if d.cfg.Attacks.Dir == "" {
		return nil, nil
	}
	list, err := os.ReadDir(d.cfg.Attacks.Dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("desk: listing campaigns: %w", err)
	}
	made := map[string]time.Time{}
	for _, e := range list {
		if at, ok := beganAt(filepath.Join(d.cfg.Attacks.Dir, e.Name(), "campaign.json")); ok && e.IsDir() && isCampaign(e.Name()) {
			made[e.Name()] = at
		}
	}
	var out []string
	for id := range made {
		out = append(out, id)
	}
	slices.SortFunc(out, func(x, y string) int {
		if c := made[y].Compare(made[x]); c != 0 {
			return c
		}
		return strings.Compare(y, x)
	})
	return out[:min(len(out), MaxCampaigns)], nil
}

// beganAt says when a campaign began: as its file says, or else when that was written.
func beganAt(path string) (at time.Time, ok bool) {
	info, err := os.Stat(path)
	if err != nil {
		return at, false
	}
	var said struct {
		Begun time.Time `json:"begun"`
	}
	if b, err := os.ReadFile(path); err != nil || json.Unmarshal(b, &said) != nil || said.Begun.IsZero() {
		return info.ModTime(), true
	}
	return said.Begun, true
}

func isCampaign(id string) bool {
	return CampaignName.MatchString(id) && !slices.Contains(reserved, id) && !redteam.IsRound(id)
}

// folder reads a campaign, or remembers it.
func (d *Desk) folder(id string) *folder {
	dir := d.lies(id)
	c := &d.campaigns
	now, s := d.cfg.Now(), stamp(dir)
	had := c.known[id]
	if had != nil && (had.stamp == s || c.live(id) && now.Sub(had.at) < liveFor) {
		return had
	}
	f := &folder{stamp: s, at: now}
	if f.opened, f.err = d.cfg.Attacks.Open(dir); f.err == nil {
		if f.a, f.err = redteam.Analyse(dir, f.opened.Plan, nil); f.err == nil {
			f.survey, f.err = redteam.Look(dir, f.opened.Plan)
		}
	}
	c.known[id] = f
	return f
}

// campaign says what a folder shows.
func (d *Desk) campaign(id string) *Campaign {
	c := &d.campaigns
	out := &Campaign{ID: id, State: CampaignUnfinished, Answer: "inconclusive"}
	if c.live(id) {
		p := c.job.progress
		out.State, out.Progress = CampaignRunning, &p
		if c.job.stopped {
			out.State = CampaignStopping
		}
	} else if c.job != nil && c.job.id == id {
		out.Why = c.job.why
	}
	if stamp(d.lies(id)) == "" {
		return out // it is about to begin
	}
	f := d.folder(id)
	if f.err != nil {
		out.State, out.Why = CampaignUnreadable, unreadable(f.err)
		return out
	}
	out.Analysis, out.Plan, out.Survey = f.a, f.opened.Plan, f.survey
	out.Inside = !redteam.IsRound(id) && !slices.ContainsFunc(f.a.Campaign.Arms, func(arm string) bool { return !strings.HasPrefix(f.a.Targets[arm], "inside://") })
	// Cells that were decided early are not tried to the end.
	complete := f.a.Done >= f.a.Planned || f.a.Campaign.Looks > 0 && f.a.Done > 0
	if complete && out.State == CampaignUnfinished {
		out.State = CampaignDone
	}
	if out.Answer = f.a.Answer; out.Answer == "pass" && (out.State != CampaignDone || f.a.Done == 0) {
		out.Answer = "inconclusive"
	}
	return out
}

// unreadable says why, without a path or a word of the folder.
func unreadable(err error) string {
	if errors.Is(err, redteam.ErrOther) {
		return "It was made by a version with other strategies or converters; that version can show it."
	}
	return "Its files cannot be read; the command `bartizan redteam report` says why."
}

// against compares a campaign with the one of the same name that went before.
func (d *Desk) against(c *Campaign, ids []string) {
	if c.State != CampaignDone {
		return
	}
	for _, id := range ids {
		f := d.folder(id)
		if id == c.ID || f.err != nil || f.a.Campaign.Name != c.Analysis.Campaign.Name || !f.a.Begun.Before(c.Analysis.Begun) || f.a.Done < f.a.Planned && f.a.Campaign.Looks == 0 {
			continue
		}
		key := [2]string{id, c.ID}
		s := f.stamp + d.folder(c.ID).stamp
		got, ok := d.campaigns.compare[key]
		if !ok || got.stamp != s {
			got = compared{stamp: s}
			first, second := filepath.Join(d.cfg.Attacks.Dir, id), filepath.Join(d.cfg.Attacks.Dir, c.ID)
			if change, err := redteam.Compare(first, second, c.Analysis.Campaign.Gate.Alpha); err == nil {
				change.First, change.Last = id, c.ID
				got.change = change
			}
			d.campaigns.compare[key] = got
		}
		if c.Before, c.Change = id, got.change; c.Change != nil && c.Change.Regressed() {
			c.Answer = "fail"
		}
		return
	}
}

// Campaigns lists campaigns, the newest first.
func (d *Desk) Campaigns(_ context.Context, a Actor) ([]Campaign, error) {
	if err := d.May(a, RedteamRead); err != nil {
		return nil, err
	}
	d.campaigns.mu.Lock()
	defer d.campaigns.mu.Unlock()
	ids, err := d.ids()
	if err != nil {
		return nil, err
	}
	out := []Campaign{}
	if j := d.campaigns.job; j != nil && d.campaigns.live(j.id) && !slices.Contains(ids, j.id) {
		out = append(out, *d.campaign(j.id))
	}
	for _, id := range ids {
		c := d.campaign(id)
		d.against(c, ids)
		out = append(out, *c)
	}
	return out, nil
}

// Campaign returns one campaign.
func (d *Desk) Campaign(_ context.Context, a Actor, id string) (*Campaign, error) {
	if err := d.May(a, RedteamRead); err != nil {
		return nil, err
	}
	d.campaigns.mu.Lock()
	defer d.campaigns.mu.Unlock()
	ids, err := d.ids()
	if err != nil {
		return nil, err
	}
	if !d.isThere(id, ids) && !d.campaigns.live(id) {
		return nil, noCampaign()
	}
	c := d.campaign(id)
	d.against(c, ids)
	return c, nil
}

func noCampaign() error {
	return refuse(http.StatusNotFound, ErrUnknown, "There is no campaign of this name. The page Red team has those that there are.")
}

// Coverage is what a campaign tried, held against what is to be tried.
type Coverage struct {
	Campaign   string               `json:"campaign"` // "": nothing was tried yet
	Begun      time.Time            `json:"begun,omitzero"`
	Frameworks []Covered            `json:"frameworks"`
	Phases     []redteam.PhaseCount `json:"phases"`
}

// Covered is a framework with how often each of its items was tried. One without a try was not
// tested.
type Covered struct {
	Name  string            `json:"name"`
	Items []redteam.Covered `json:"items"`
}

// Coverage says what the newest campaign tried that has tried anything.
func (d *Desk) Coverage(ctx context.Context, a Actor) (*Coverage, error) {
	list, err := d.Campaigns(ctx, a)
	if err != nil {
		return nil, err
	}
	out := &Coverage{}
	tried := map[string]redteam.Covered{}
	for i := range list {
		c := &list[i]
		if c.Analysis == nil || c.Analysis.Done == 0 {
			continue
		}
		out.Campaign, out.Begun, out.Phases = c.ID, c.Analysis.Begun, c.Survey.Phases
		for _, one := range c.Analysis.Coverage {
			tried[one.Ref] = one
		}
		break
	}
	if out.Phases == nil {
		for _, impact := range redteam.Impacts {
			for _, phase := range redteam.Phases {
				out.Phases = append(out.Phases, redteam.PhaseCount{Impact: impact, Phase: phase})
			}
		}
	}
	for _, f := range d.cfg.Attacks.ToCover {
		one := Covered{Name: f.Name, Items: []redteam.Covered{}}
		for _, ref := range f.Items {
			have := tried[ref]
			have.Ref = ref
			delete(tried, ref)
			one.Items = append(one.Items, have)
		}
		out.Frameworks = append(out.Frameworks, one)
	}
	other := Covered{Name: "Other"}
	for _, one := range tried {
		other.Items = append(other.Items, one)
	}
	slices.SortFunc(other.Items, func(x, y redteam.Covered) int { return strings.Compare(x.Ref, y.Ref) })
	if len(other.Items) > 0 {
		out.Frameworks = append(out.Frameworks, other)
	}
	return out, nil
}
