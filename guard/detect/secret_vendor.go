package detect

import (
	"strings"

	"github.com/bartizan-ai/bartizan/guard"
)

// vendors are services that give out keys without a prefix of their own. A random
// value behind such a name is a key, if nothing but words for keys stands between.
var vendors = strings.Fields(`
	abstractapi abuseipdb accuweather activecampaign adafruit adjust adobe agora ahrefs airbrake airtable aiven
	alchemy algolia alibaba aliyun alphavantage amplitude anthropic anypoint apideck apify apilayer apollo appcenter
	appdynamics applovin appoptics appsflyer appveyor artifactory asana assemblyai atera atlassian audd auth0 authorizenet
	autodesk avalara aviationstack ayrshare azure backblaze bamboohr bannerbear baremetrics basecamp beamer betterstack
	billomat bingmaps bitbar bitbucket bitfinex bitly bitmex bitrise bittrex blazemeter blockchain blockfrost blocknative bnbchain
	braintree brandfetch braze brevo browserstack browshot bscscan buddy budibase bugherd bugsnag buildkite bunnycdn
	buttercms calendarific calendly campaignmonitor capsulecrm carbon cartodb censys cerebras chargebee chargify chartmogul
	chatbot checkly checkout chromatic cicero circleci clarifai clearbit clevertap clickatell clickhelp clickhouse clickup
	clockify clockwork cloudant cloudconvert cloudera cloudflare cloudimage cloudinary cloudmersive cloudsight cloudsmith
	cloudways clubhouse cockroach codacy codeclimate codecov codemagic codeship cohere coinapi coinbase coinlayer
	coinlib coinmarketcap commercejs confluence confluent contentful contentstack convertapi convertkit copper courier
	coveralls craftmypdf crowdin crowdstrike cryptocompare currencycloud currencylayer currentsapi customerio d7network
	dailyco dandelion databox databricks dareboost datadog datagov dbt debounce deepai deepgram deepinfra deepl deepseek delighted deputy
	detectify detectlanguage devcycle dialpad diffbot digicert digitalocean discogs discord disqus dnsimple docker docparser
	docusign documo doppler dribbble drift droneci dropbox duffel duo dwolla dynalist dynatrace easypost ecobee edamam edenai
	elastic elasticemail elevenlabs eleven_labs etherscan ethplorer etsy eventbrite everhour exchangerate expo facebook
	faceplusplus fastforex fastly fastspring filestack finage financialmodelingprep findl finicity finnhub firebase fireworks fivetran
	fixer fixerio flickr flightaware flightstats flowflu flutterwave foursquare frameio freshbooks freshdesk freshservice fullcontact
	fullstory gcp gemini geoapify geocodify geocodio geoipify getresponse ghost giphy gitee gitguardian github gitlab gitter
	gladly glassnode gocardless godaddy goodreads google gorgias grafana grammarly graphcms greenhouse groq gtmetrix guardian
	gumroad gyazo harness harvest helicone hellosign helpscout here heroku hetzner hightouch hive holidayapi honeybadger honeycomb
	hootsuite hotjar html2pdf hubspot huggingface humanity hunter hunterio hypertrack iconfinder iexcloud imgbb imgix imgur
	impala infobip infura insightly instabot instagram instatus intercom intrinio ipapi ipdata ipgeolocation ipify ipinfo ipstack iterable
	jenkins jfrog jira jotform jumpcloud juro kairos keen keycdn klaviyo knowi kontent kraken kucoin lago langfuse langsmith
	languagelayer lastfm launchdarkly leadfeeder lemlist lemonsqueezy lessannoyingcrm lever linear linenotify linkedin linkpreview linode liveagent
	livekit livestorm llamacloud lob locationiq loggly logzio lokalise looker magento mailboxlayer mailchimp mailerlite mailgun
	mailjet mailmodo mailtrap mandrill mapbox mapquest marketstack mattermost mavenlink maxmind mediastack meilisearch meraki
	messagebird metaapi metabase metrilo mindmeister mistral mixmax mixpanel moderation modal monday mongodb moonshot moosend moralis
	mux mailersend n8n nasa nearmap neon neptune netcore netlify newrelic new_relic newsapi newscatcher nexmo nexus ngrok nicereply
	nightfall nimble noticeable notion novu novita numverify nutritionix nvidia nylas nytimes octopus okta omnisend onedesk onelogin onesignal
	onfleet openai openaq opencage openexchangerates openrouter openuv openweather openweathermap opsgenie optimizely oracle orbit ordoro overloop
	owlbot pyowm pagerduty pandadoc paperform paperspace parsehub parseur passbase paymongo paypal paystack pdflayer pdfshift pendo pepipost
	percy perigon perplexity pexels phrase phraseapp pinata pinecone pingdom pinterest pipedream pipedrive pivotaltracker pixabay plaid
	plangrid planetscale plivo podio pollsapi polygon portainer positionstack postageapp posthog postman postmark predictit prerender
	privateai prodpad prospectcrm protocolsio proxycrawl pubnub pulumi purestake pushbullet pushover pusher qase qdrant qualaroo qualtrics
	quandl quickbooks qubole quay rabbitmq railway ramp rapidapi raven rawg raygun razorpay readme rebrandly recaptcha recurly reddit redis
	rentman replicate replyio resend restpack retell revenuecat ringcentral ritekit roaring rocketreach rollbar route4me runpod runscope
	runway safetyculture salesblink salesforce salesloft sambanova sanity saucelabs scaleway scalingo scrapfly scrapingbee scraperapi scrapingant
	screenshotapi securitytrails segment selectpdf semaphore semrush sendbird sendgrid sendinblue sentry serpapi serphouse serpstack
	shippo shipday shodan shopify shortcut shotstack shutterstock signalwire signaturit signupgenius sigopt similarweb simfin simplesat
	simplynoted simvoly sinch sirv skrapp skybiometry slack smartling smartsheet smartystreets smooch snipcart snowflake snyk socialblade
	sonarcloud sonarqube sourcegraph sparkpost speechmatics splunk sportsmonk sportradar spoonacular spotify square squarespace squareup sslmate
	stability statuscake statuspage steam storyblok stockdata strapi strava streak stripe stytch sugester sumologic supabase supernotes superset surge
	surveymonkey surveysparrow surveybot swell swiftype tableau tatum tavily taxjar teamcity teamgate teamwork telegram telnyx terraform textmagic
	theoddsapi thinkific thousandeyes ticketmaster tickettailor tiingo timecamp timekit timezoneapi tinypng todoist toggl togetherai together_api tomorrowio
	tomtom travelpayouts travisci trello trustpilot tumblr twelvedata twilio twitch twitter tyntec typeform typesense ubidots unify unplash unsplash
	upcdatabase uplead uploadcare upstash uptimerobot urlscan userstack uservoice vatlayer vbout vercel verifier verimail veriphone versioneye
	vimeo virustotal visualcrossing voicegain voiceflow voyage vouchery vultr wakatime wandb weatherapi weatherbit weatherstack web3storage webex webflow
	webscraping webscraper weights whoxy wistia wit woocommerce wordnik workday workstack worldcoinindex worldweather wrike xai yandex yelp youneedabudget
	youtube zapier zendesk zenrows zenscrape zenserp zeplin zerobounce zerotier zipbooks zipcodeapi zoho zonka zoom zulip`)

// hosts are names behind which numbers of commits, builds and images stand as
// often as keys: between them and a value there must be a word for a key.
var hosts = map[string]bool{"github": true, "gitlab": true, "bitbucket": true, "gitee": true, "docker": true, "quay": true, "jfrog": true, "artifactory": true, "buildkite": true,
	"circleci": true, "travisci": true, "jenkins": true, "heroku": true, "vercel": true, "netlify": true, "sentry": true, "codecov": true, "coveralls": true,
	"terraform": true, "redis": true, "mongodb": true, "elastic": true, "firebase": true, "google": true, "azure": true, "gcp": true, "oracle": true, "mapbox": true,
	"slack": true, "discord": true, "youtube": true, "twitter": true, "facebook": true, "instagram": true, "spotify": true, "here": true, "buddy": true, "carbon": true,
	"copper": true, "checkout": true, "drift": true, "duo": true, "ghost": true, "guardian": true, "harvest": true, "harness": true, "hive": true, "hunter": true,
	"lever": true, "linear": true, "orbit": true, "octopus": true, "phrase": true, "polygon": true, "ramp": true, "raven": true, "readme": true, "runway": true, "segment": true,
	"semaphore": true, "shortcut": true, "square": true, "steam": true, "surge": true, "swell": true, "streak": true, "unify": true, "verifier": true, "voyage": true,
	"weights": true, "wit": true, "impala": true, "keen": true, "nexus": true, "percy": true, "modal": true, "neon": true, "neptune": true, "nimble": true, "mux": true, "blockchain": true,
	"adjust": true, "alchemy": true, "beamer": true, "monday": true, "moderation": true, "pusher": true, "railway": true, "sanity": true, "stability": true, "zoom": true, "courier": true, "deputy": true, "dandelion": true, "cicero": true, "fixer": true, "gemini": true, "hotjar": true, "intercom": true}

// vendorKinds makes a kind of every service.
func vendorKinds() []secretKind {
	out := make([]secretKind, len(vendors))
	for i, v := range vendors {
		out[i] = secretKind{rule: "service_key", literal: v, shape: vendorValue(hosts[v])}
	}
	return out
}

// keyWords may stand between a service and its key.
var keyWords = map[string]bool{"key": true, "keys": true, "token": true, "tokens": true, "tok": true, "secret": true, "access": true, "private": true, "api": true, "auth": true, "oauth": true,
	"pat": true, "password": true, "passwd": true, "pwd": true, "client": true, "personal": true, "bearer": true, "user": true, "app": true, "application": true, "admin": true,
	"rest": true, "service": true, "license": true, "prod": true, "dev": true, "test": true, "live": true, "sandbox": true, "master": true, "signing": true, "writer": true,
	"write": true, "read": true, "the": true, "is": true, "account": true, "my": true, "our": true, "apikey": true, "accesskey": true, "accesstoken": true, "authtoken": true, "apitoken": true, "secretkey": true, "clientsecret": true, "privatekey": true, "io": true, "ai": true, "v1": true, "v2": true, "v3": true, "maps": true, "cloud": true, "crm": true, "teams": true, "desk": true, "devops": true, "com": true, "net": true, "x": true, "pass": true, "shared": true, "sdk": true, "webhook": true, "ist": true, "lautet": true}

// keyNames are those of them that name a key.
var keyNames = []string{"key", "tok", "secret", "pat", "passw", "pwd", "auth", "access", "private", "bearer"}

// maxBetween bounds what stands between a service and its key.
const maxBetween = 48

// vendorValue matches a random value behind the name of a service.
func vendorValue(shared bool) shape {
	return func(s string, h guard.Hit, b *purse) (int, int, float64) {
		if !wordStart(s, h.Start) && s[h.Start] > 'Z' && s[max(0, h.Start-1)] != '_' {
			return 0, 0, 0
		}
		gap, ok := between(s, h.End)
		if !ok || shared && !gap.named {
			return 0, 0, 0
		}
		v, end := bare(s, gap.end)
		least := 20
		if gap.named {
			least = 14
		} else if gap.assigned {
			least = 16
		}
		if len(v) < least || !b.pay(1) {
			return 0, 0, 0
		}
		p := .5
		if gap.named || gap.assigned {
			p = .65
		}
		if uuid(v) && genuine(v) > 0 {
			return gap.end, end, min(p, genuine(v))
		}
		// Numbers of versions, dates and names of files are no keys.
		if m := mix(v); m.digit == 0 || m.low+m.up == 0 || m.other*5 > len(v) || pathLike(v, gap) || wordy(v) || reference(v) || entropy(v) < 2.5 {
			return 0, 0, 0
		}
		return gap.end, end, min(p, genuine(v))
	}
}

// pathLike reports whether a value is rather the rest of an address.
func pathLike(v string, g gap) bool {
	n := strings.Count(v, "/")
	return n > 0 && (!g.named && !g.assigned || strings.ContainsAny(v, "-_.~%"))
}

// gap is what stands between a name and a value.
type gap struct {
	end             int
	named, assigned bool
}

// between reads over words for keys and separators up to where a value begins.
func between(s string, i int) (gap, bool) {
	g := gap{}
	run := -1 // where the word began that is being read
	stop := min(len(s), i+maxBetween)
	for i < stop {
		switch c := s[i]; {
		case letters[c]:
			if !alnum[s[i-1]] {
				run = i
			}
			j := i
			for j < len(s) && letters[s[j]] && (j == i || s[j] > 'Z' || s[j-1] <= 'Z') && j-i < 16 {
				j++
			}
			// A word ends where another begins; a value does not begin like one.
			w := strings.ToLower(s[i:j])
			if j < len(s) && digits[s[j]] || !keyWords[w] {
				// A value may begin like a word for a key.
				if g.end = i; alnum[s[i-1]] && run >= 0 {
					g.end = run
				}
				return g, !alnum[s[g.end-1]]
			}
			g.named = g.named || containsAny(w, keyNames)
			i = j
		case c == '=' || c == ':' || c == '>' || c == '|' || c == ',':
			g.assigned = true
			i++
		case c == ' ' || c == '\t' || c == '_' || c == '-' || c == '.' || c == '"' || c == '\'' || c == '`' || c == '(' || c == '*' || c == '[' || c == ']' || c == ')':
			i++
		case digits[c] || c == '+':
			g.end = i
			return g, i > 0 && !alnum[s[i-1]]
		default:
			return g, false
		}
	}
	return g, false
}

// bare returns the run of bytes that keys are made of at s[i:], without what ends a
// sentence.
func bare(s string, i int) (string, int) {
	end := take(s, i, 300, opaque)
	for end > i && (s[end-1] == '.' || s[end-1] == '~' || s[end-1] == '%') {
		end--
	}
	return s[i:end], end
}
