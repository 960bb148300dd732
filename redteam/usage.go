package redteam

// Usage is how often somebody is asked, and how many tokens that takes.
type Usage struct {
	Requests int   `json:"requests"`
	Input    int64 `json:"input_tokens"`
	Output   int64 `json:"output_tokens"`
}

// plus adds n times another usage.
func (u Usage) plus(o Usage, n int64) Usage {
	return Usage{u.Requests + int(n)*o.Requests, u.Input + n*o.Input, u.Output + n*o.Output}
}

func (u Usage) tokens() int64 { return u.Input + u.Output }

// bound is what an attempt takes at most of the target, and of the models on our own side.
type bound struct{ target, attacker, judge Usage }

func (b bound) plus(o bound, n int64) bound {
	return bound{b.target.plus(o.target, n), b.attacker.plus(o.attacker, n), b.judge.plus(o.judge, n)}
}

func (b bound) of(r Role) Usage {
	if r == JudgeRole {
		return b.judge
	}
	return b.attacker
}

func (b bound) all() Usage { return b.target.plus(b.attacker, 1).plus(b.judge, 1) }

// cost is in millionths: each is paid at its own price.
func (c *Campaign) cost(b bound) int64 {
	a, j := c.endpoint(AttackerRole).Price, c.endpoint(JudgeRole).Price
	return c.Price.cost(b.target.Input, b.target.Output) + a.cost(b.attacker.Input, b.attacker.Output) + j.cost(b.judge.Input, b.judge.Output)
}

// capped reports whether there is any cap that an attempt could exceed.
func (c *Campaign) capped() bool {
	all := Caps{c.Budget.Requests, c.Budget.Tokens, c.Budget.Money}
	return all != Caps{} || c.endpoint(AttackerRole).Budget != Caps{} || c.endpoint(JudgeRole).Budget != Caps{}
}

// exceeds names the cap that would be exceeded by so much; "": none would.
func (c *Campaign) exceeds(b bound) string {
	all, cap := b.all(), c.Budget
	if over(Caps{cap.Requests, cap.Tokens, cap.Money}, all, c.cost(b)) {
		return "the budget"
	}
	for _, role := range []Role{AttackerRole, JudgeRole} {
		e, u := c.endpoint(role), b.of(role)
		if over(e.Budget, u, e.Price.cost(u.Input, u.Output)) {
			return "the budget of the " + string(role)
		}
	}
	return ""
}

func over(c Caps, u Usage, cost int64) bool {
	return c.Requests > 0 && u.Requests > c.Requests || c.Tokens > 0 && u.tokens() > c.Tokens || c.Money > 0 && float64(cost) > c.Money*1e6
}

// usage is what was asked of a role.
func usage(list []Question, role Role) (u Usage) {
	for i := range list {
		if q := &list[i]; q.Role == role {
			u = u.plus(Usage{1, believable(q.Input), believable(q.Output)}, 1)
		}
	}
	return u
}

// planned is what was asked of a role, as plans count it.
func planned(list []Question, role Role) (n int64) {
	for i := range list {
		if list[i].Role == role {
			c := asking(list[i].Prompt, 0)
			n += c.Tokens()
		}
	}
	return n
}

// How plans count tokens: four bytes of text are one, and whatever stands in a request has
// something around it.
const (
	bytesPerToken = 4
	aroundRequest = 16
	aroundTurn    = 8
	aroundTool    = 16
)

func inTokens(bytes int) int64 { return int64((bytes + bytesPerToken - 1) / bytesPerToken) }

// Tokens is about how many tokens a conversation has, as plans count them: no tokeniser is the
// same as another, and in scripts whose letters have several bytes this is nearer than a count of
// letters.
func (c *Conversation) Tokens() int64 {
	n := int64(aroundRequest)
	for _, t := range c.Turns {
		n += aroundTurn + inTokens(len(t.Text)+len(t.Call)+len(t.Tool)+len(t.Args))
		if t.File != nil {
			n += aroundTurn + inTokens(len(t.File.Name)+len(t.File.Text))
		}
	}
	for _, t := range c.Tools {
		n += aroundTool + inTokens(len(t.Name)+len(t.Description)+len(t.Schema))
	}
	return n
}

// Tokens is about how many tokens an answer has, as plans count them.
func (e *Exchange) Tokens() int64 {
	n := inTokens(len(e.Text))
	for _, k := range e.Calls {
		n += aroundTurn + inTokens(len(k.Tool)+len(k.Args))
	}
	return n
}

// count settles what a request took: what who was asked says of it, and no less than plans count. Caps
// rest on it, and whom they hold against may say nothing, or what is not so. What was sent counts
// whatever became of it.
func (e *Exchange) count(c *Conversation) {
	said := e.Tokens()
	if most := int64(c.MaxTokens); said > most && said*bytesPerToken <= most*wideToken {
		said = most // in long words: no more than it was allowed, and plans rest on that
	}
	e.Input, e.Output = int(max(believable(e.Input), c.Tokens())), int(max(believable(e.Output), said))
}

// mostTokens bounds what one request can be said to have taken: sums of it do not overflow.
const mostTokens = 1 << 30

// believable is a count that somebody else names.
func believable(n int) int64 { return int64(min(max(n, 0), mostTokens)) }

// room holds that one more request is in the plan of its attempt or, where the target said more than
// plans take it to say, under the caps all the same.
func (r *runner) room(a *Attempt, replies []Exchange, c *Conversation) bool {
	if !r.cfg.Plan.Campaign.capped() {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	most, planned := r.most[a.N]
	if !planned { // it is made once more, by itself
		return true
	}
	takes := Usage{1, c.Tokens(), int64(c.MaxTokens)}
	for i := range replies {
		takes = takes.plus(Usage{1, int64(replies[i].Input), int64(replies[i].Output)}, 1)
	}
	over := takes.plus(most.target, -1)
	more := bound{target: Usage{Input: max(over.Input, 0), Output: max(over.Output, 0)}}
	if more == (bound{}) {
		return true
	}
	spent := r.spent.bound()
	if r.cfg.Plan.Campaign.exceeds(spent.plus(r.before, 1).plus(r.reserved, 1).plus(more, 1)) != "" {
		return false
	}
	r.most[a.N], r.reserved = most.plus(more, 1), r.reserved.plus(more, 1)
	return true
}
