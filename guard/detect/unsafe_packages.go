package detect

import (
	"strings"

	"github.com/bartizan-ai/bartizan/guard"
)

// packageDangers are commands and lines that bring a package in.
var packageDangers = []danger{
	{"pip install", installs(pypi, .85)}, {"pip3 install", installs(pypi, .85)}, {"uv add", installs(pypi, .85)}, {"uv pip install", installs(pypi, .85)}, {"poetry add", installs(pypi, .85)}, {"pipx install", installs(pypi, .85)}, {"conda install", installs(pypi, .7)},
	{"npm install", installs(npm, .85)}, {"npm i ", installs(npm, .85)}, {"npm add", installs(npm, .85)}, {"yarn add", installs(npm, .85)}, {"pnpm add", installs(npm, .85)}, {"pnpm install", installs(npm, .85)}, {"bun add", installs(npm, .85)}, {"npx ", installs(npm, .85)},
	{"cargo add", installs(crates, .85)}, {"cargo install", installs(crates, .85)}, {"go get", installs(modules, .9)}, {"go install", installs(modules, .9)}, {"gem install", installs(gems, .85)},
	{"require('", required(npm)}, {"require(\"", required(npm)}, {"from '", required(npm)}, {"from \"", required(npm)}, {"import \"", required(modules)}, {"\"github.com/", moduleLine},
	{"import ", imported}, {"from ", imported},
}

// registry is what is known of the names in one place where packages come from.
type registry struct {
	known      map[string]bool // much used
	imitations map[string]bool // imitations of those, seen or likely
	honest     map[string]bool // one letter away from a known one, and honest
	common     map[string]bool // imitations that programs use as names of their own files
}

func words(s string) map[string]bool {
	m := map[string]bool{}
	for _, n := range strings.Fields(s) {
		m[n] = true
	}
	return m
}

var pypi = &registry{
	known: words(`requests urllib3 certifi numpy pandas scipy matplotlib django flask fastapi uvicorn gunicorn pydantic sqlalchemy psycopg2 psycopg2-binary
		pymysql redis celery boto3 botocore s3transfer cryptography pycryptodome paramiko pyopenssl pyyaml jinja2 markupsafe click colorama python-dateutil
		setuptools wheel packaging pytest coverage tox black flake8 pylint isort selenium beautifulsoup4 lxml scrapy pillow opencv-python scikit-learn
		tensorflow keras torch torchvision transformers tokenizers openai anthropic langchain huggingface-hub sentencepiece spacy gensim plotly seaborn bokeh
		sympy networkx xgboost lightgbm catboost statsmodels jupyter notebook ipython aiohttp httpx websockets tornado attrs pyjwt oauthlib protobuf grpcio
		docker kubernetes ansible fabric python-dotenv pymongo elasticsearch kafka-python pyspark sqlmodel alembic marshmallow werkzeug itsdangerous streamlit
		gradio dash pyarrow openpyxl xlsxwriter xlrd tabulate termcolor loguru structlog sentry-sdk stripe twilio slack-sdk discord.py python-telegram-bot
		pyinstaller cython numba joblib threadpoolctl psutil virtualenv pipenv poetry charset-normalizer chardet typing-extensions simplejson ujson orjson
		web3 eth-account bitcoinlib solana ccxt yfinance playwright pyautogui pynput pyperclip`),
	imitations: words(`python-sqlite python-mysql python-ftp python-openssl python3-dateutil jeilyfish acqusition apidev-coop bzip crypt django-server pwd setup-tools telnet
		urlib3 urllib urllib4 urlllib3 request requesrs requesys reqeusts requestss requets requsts requestes request5 reqests requstes rquests requ3sts requests3 requests-toolbet python-requests
		colourama colorama2 collorama colorsama coloramma colorizator djanga dajngo diango djago djangoo djnago easyinstall libpeshka mumpy nmpy numpyy numppy nunpy numpi pandsa pandass panda5 pnadas
		matplotib matploltib matplotllib matplotlb mathplotlib scipi sklearnn scikit-leran scikitlearn tensorfllow tensoflow tensoorflow tensorlow tensorfow torchtriton pytorchh pytroch kerass
		beautifulsup4 beautifulsoop beautifulsoup5 beautifullsoup4 bs5 seleniumm selenuim selemium scrappy-py pilow pilllow opencv-pyhton opencv-pythn openvc-python crytpography cryptograpyh pycrytodome pycriptodome
		python-jwtt pyjwtt flaskk flsk fask fastapii fastap1 uvicron uvicornn pydanticc pydntic sqlalchemyy sqlalcemy psycopgg2 boto33 bota3 botoo3 botocor paramikoo parmiko fabrice pyymal pyyamll pyaml-config jinjaa2 jinja-2
		pymongodb-driver redis-py-client aiohtttp aiohhtp aiotttp httpxx websocketss openaai open-ai-python opeani opanai openia anthropicc antropic langchian langchan lang-chain-ai huggingface-cli-tool hugginface-hub trasformers transfomers
		discordpy-self discord-py-slash discord.pyy discordd telegram-bot-python web3-py solana-py-sdk ascii2text pyg-utils pymocks pyproto2 test-async free-net-vpn zlibsrc browserdiv winrpcexploit ultrarequests noblesse noblesse2 pytagora pytagora2
		importantpackage ctx-py secretslib typing-extention python-dotenvv dotenv-python pyhton-dotenv virtualenvv pipsqlite pipcryptov4 colored-text-py ipboards trrfab owlmoon pptest`),
	honest: words(`djongo scapy simpy boto attrs attr jinja beautifulsoup psycopg psycopg3 openapi markdown2 ngboost pyqt6 torchx aredis python-dotenv flasgger flask-x pyjwt types-requests kera celerys blacks numpyro panda scipyx httpx2 docker-py stripes fabric2 fabric3 click2 ujson rjson gradio2 spacyr pynput2 pytest2 sympyx chardet2 dashs web2 notebooks`),
	common: words(`request crypt pwd telnet bzip urllib`),
}

var npm = &registry{
	known: words(`react react-dom vue angular svelte express lodash axios chalk commander inquirer yargs moment dayjs luxon uuid nanoid dotenv webpack rollup vite esbuild
		eslint prettier typescript ts-node jquery bootstrap tailwindcss postcss autoprefixer electron puppeteer playwright cheerio jsdom socket.io mongoose mongodb mysql mysql2 sqlite3
		sequelize prisma typeorm knex redis ioredis fastify koa passport bcrypt bcryptjs jsonwebtoken nodemon nodemailer body-parser cookie-parser cors helmet morgan winston pino
		debug semver minimist glob rimraf mkdirp fs-extra async bluebird underscore ramda rxjs redux zustand immer formik classnames styled-components next nuxt gatsby
		jest mocha chai sinon cypress supertest vitest babel-core babel-cli cross-env concurrently husky lint-staged openai langchain ethers web3 discord.js twilio stripe aws-sdk firebase
		graphql apollo-server multer sharp jimp ffmpeg-static colors marked highlight.js three leaflet chart.js request superagent node-fetch cross-fetch ua-parser-js validator joi`),
	imitations: words(`crossenv cross-env.js crosenv d3.js fabric-js ffmepg gruntcli http-proxy.js jquery.js mariadb.js mongose mongoos mongooose mssql.js mssql-node mysqljs nodecaffe nodefabric node-fabric
		nodeffmpeg nodemailer-js nodemailer.js nodemssql node-opencv node-opensl node-openssl noderequest nodesass nodesqlite node-sqlite node-tkinter opencv.js openssl.js proxy.js shadowsock sqlite.js sqliter sqlserver tkinter
		babelcli electorn loadyaml lodahs lodashs loadsh lodahsh lodsh lo-dash-js twilio-npm discord.dll discordjs-selfbot flatmap-stream getcookies momnet momemt moement axois axio axioss axiios expres expresss exprss expess
		reqeust requets reqest reuqest chalkk chlak chal-k commnader comander inquierer yarg-s uuidd dotenvv dot-env-js webpakc wepback esslint eslnt eslint-config-airbnb-standard prettierr preitter typescirpt typscript typescriptjs tyepscript
		reactt reactjs-dom raect recat react-domm react-native-cli-tool vuee vue-js-next angularr sveltee jqeury jquerry jqurey bootstrp boostrap tailwindcs tailwnidcss pupeteer puppetter pupetteer playwrigth cheeriojs cheeroi socketio socket-io
		mongod-b monogdb seqelize sequelizejs prismaa primsa koajs2 passports bcryptt bcyrpt jsonwebtokn jsonwebtokens json-web-token-js nodemonn nodmon nodemoon body-parse bodyparser cookieparser winstonn colors.js colorss coulors
		debugg semverr minimst rimarf mkdrip asnyc underscor3 underscorejs-lib undersore reduxx zustandd classname-s styled-component nextjs-core nuxtjs-core jestt mochaa chaii sinonn cypres cyress web3-essential ethers-js-provider etherss ether-js
		openaii open-ai-sdk lang-chain-js stripe-js-sdk aws-sdk-js-v3 firebase-sdk-js grahpql multerr shrap sharpp three-js-core leafletjs-core chartjs-lib request-js node-fetchh nodefetch uaparserjs ua-parserjs validatorr typeorrm coa-parser rc-parser`),
	honest: words(`preact reactn enquirer tslint rambda color prism mysql2 mysql dotenvx classname vuex nestjs next-auth koa2 requests asyncs expressj debugs redis-om glob2 chai2 jimp2 joi2 marko market pinos cypress2 gatsby2 colord`),
}

var crates = &registry{
	known:      words(`serde serde_json tokio reqwest rust_decimal lazy_static once_cell anyhow thiserror clap regex chrono hyper actix-web axum futures itertools base64 bytes tracing rayon crossbeam rand openssl rustls diesel sqlx env_logger postgres rocket warp tonic prost`),
	imitations: words(`rustdecimal rust-decimal-rs serd sered serde-jsn serdejson tokioo tokoi tokiio reqwset reqwests requwest oncecell lazystatic lazy-statics anyhoww thiserorr clapp regexx chronoo hyperr actixweb envlogger postgress rocketts if-cfg xrvrv faster_log async_println time_calibrator time_calibrators chrono_anchor dnp3times time-sync`),
	honest:     words(`hyperx regexp byte future bytes2 base62 base32 base85 tokio2 clap2 warp2 sqlx2 proto prosto`),
}

var gems = &registry{
	known:      words(`rails rake bundler nokogiri devise puma sidekiq rspec rubocop activerecord activesupport sinatra faraday httparty rest-client redis mysql2 sqlite3 jwt bcrypt capistrano cucumber selenium-webdriver`),
	imitations: words(`atlas-client atlas_client rest-clinet restclient-rb strong_passwrod bitcoin_vanity ruby-bitcoin pretty_color nokogirri nokogiry devize pumaa sidekik rspecc rubcop activesuport active-support-rb sinatraa httpparty fastlane-plugin-telegram-proxy railss bundlerr`),
	honest:     words(`puma2 rspec2 rake2 redis2 rails2`),
}

var modules = &registry{
	known: words(`github.com/boltdb/bolt github.com/sirupsen/logrus github.com/urfave/cli github.com/gorilla/mux github.com/gin-gonic/gin github.com/spf13/cobra github.com/spf13/viper github.com/stretchr/testify github.com/google/uuid github.com/go-redis/redis github.com/redis/go-redis github.com/jackc/pgx github.com/lib/pq github.com/labstack/echo github.com/gofiber/fiber go.uber.org/zap github.com/hashicorp/consul`),
	imitations: words(`github.com/boltdb-go/bolt github.com/siruspen/logrus github.com/sirupsn/logrus github.com/urnfave/cli github.com/utfave/cli github.com/shallowmulti/hypert github.com/shadowybulk/hypert github.com/belatedplanet/hypert github.com/thankfulmai/hypert
		github.com/vainreboot/layout github.com/ornatedoctrin/layout github.com/utilizedsun/layout github.com/gorila/mux github.com/gorrilla/mux github.com/gin-gonics/gin github.com/gin-gonig/gin github.com/gingonic/gin github.com/sfp13/cobra github.com/spf31/viper github.com/strechr/testify github.com/stretcher/testify github.com/goggle/uuid github.com/labstak/echo github.com/go-fiber/fiber-v3`),
}

// installs weighs the packages that a command names.
func installs(r *registry, p float64) func(*code, guard.Hit) (int, float64) {
	return func(c *code, h guard.Hit) (int, float64) {
		if !wordStart(c.s, h.Start) {
			return 0, 0
		}
		line := command(c.rest(h))
		best, end := 0.0, h.End
		for _, arg := range strings.Fields(line) {
			name := packageName(arg, r)
			if name == "" {
				continue
			}
			if q := r.weigh(name, p); q > best {
				best = q
				end = h.End + strings.Index(line, arg) + len(arg)
			}
		}
		return end, best
	}
}

// packageName is the name in an argument, without its version.
func packageName(arg string, r *registry) string {
	arg = strings.TrimRight(strings.Trim(arg, "\"'`,;()[]{}\\"), ".:`\"'")
	if arg == "" || arg[0] == '-' || arg[0] == '.' || arg[0] == '/' || arg[0] == '@' || arg[0] == '$' || strings.Contains(arg, "://") {
		return ""
	}
	for _, cut := range []string{"==", ">=", "<=", "~=", "@", "[", "=", ">", "<", "^"} {
		arg, _, _ = strings.Cut(arg, cut)
	}
	if r == modules {
		if parts := strings.Split(arg, "/"); len(parts) > 3 {
			arg = strings.Join(parts[:3], "/")
		}
	}
	return strings.Trim(arg, ".:")
}

// weigh says how likely a name imitates another.
func (r *registry) weigh(name string, p float64) float64 {
	if r.imitations[name] || r == pypi && r.imitations[strings.ReplaceAll(name, "_", "-")] {
		return p
	}
	if r.known[name] || r.honest[name] || len(name) < 5 || len(name) > 40 {
		return 0
	}
	for k := range r.known {
		if len(k) >= 5 && k[0] == name[0] && oneAway(k, name) {
			return .55
		}
	}
	return 0
}

// oneAway reports whether one letter more, less or other, or two swapped, make a into b.
func oneAway(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > 1 {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	if len(a) < len(b) {
		return a[i:] == b[i+1:]
	}
	if i >= len(a) {
		return false
	}
	// Versions of one package differ in a digit.
	if digits[a[i]] || digits[b[i]] {
		return false
	}
	return a[i+1:] == b[i+1:] || i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
}

// required weighs the name of a package in quotes.
func required(r *registry) func(*code, guard.Hit) (int, float64) {
	return func(c *code, h guard.Hit) (int, float64) {
		end := take(c.s, h.End, 60, chars("a-zA-Z0-9._/-"))
		if end < len(c.s) && strings.IndexByte("\"'", c.s[end]) >= 0 && r.imitations[c.s[h.End:end]] {
			return end, .8
		}
		return 0, 0
	}
}

func moduleLine(c *code, h guard.Hit) (int, float64) {
	end := take(c.s, h.Start+1, 80, chars("a-zA-Z0-9._/-"))
	if name := packageName(c.s[h.Start+1:end], modules); modules.imitations[name] {
		return end, .85
	}
	return 0, 0
}

// imported weighs the module that a line of Python begins with.
func imported(c *code, h guard.Hit) (int, float64) {
	if h.Start > 0 && c.s[h.Start-1] != '\n' || h.End+1 >= len(c.s) || c.s[h.End] != ' ' {
		return 0, 0
	}
	end := take(c.s, h.End+1, 40, word64)
	name := strings.ReplaceAll(c.s[h.End+1:end], "_", "-")
	if pypi.imitations[name] && !pypi.common[name] {
		return end, .75
	}
	return 0, 0
}
