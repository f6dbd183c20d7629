metadata description = 'Startgate: from Event Grid to the bot, in one resource group, and a topic in each guarded subscription.'

targetScope = 'subscription'

@description('Region of everything but the Event Grid topics, which are global.')
param location string = deployment().location

@description('Beginning of every name: 3 to 8 lower-case letters and digits.')
@minLength(3)
@maxLength(8)
param name string = 'sgate'

@description('Tags of everything that is made.')
param tags object = {}

@description('The image of both roles, by digest: registry/name@sha256:…')
param image string

@description('Host of a private registry, such as name.azurecr.io. Both identities need AcrPull there. Empty: no sign-in.')
param registryServer string = ''

@description('Ids of the subscriptions whose VMs are guarded.')
param guardedSubscriptions array = [
  subscription().subscriptionId
]

@description('Steps that the lockdowns of the policy use: the role has the rights of these, and of no others.')
param steps array = [
  'isolate'
  'stop'
  'backup'
]

@description('True where management-group.bicep gives the role instead, for all subscriptions below a management group.')
param rolesAtManagementGroup bool = false

@description('The policy file. Check it before: startgate policy check policy.yaml')
param policy string = loadTextContent('policy.yaml')

@description('Standard has no private endpoint and no firewall: Entra ID alone guards it. Premium has both.')
@allowed([
  'Standard'
  'Premium'
])
param serviceBusSku string = 'Standard'

@description('Messaging units of Premium.')
@allowed([
  1
  2
  4
  8
  16
])
param serviceBusUnits int = 1

@description('Size of Azure Managed Redis; deploy/README.md says how much a fleet needs.')
param redisSku string = 'Balanced_B1'

@description('True gives bot and workers Redis rights by key family, by a preview of the service. False: full access for both.')
param redisAccessStrings bool = false

@description('False leaves out the network: Redis and Key Vault are then reached over the Internet, with Entra ID alone in front.')
param privateNetwork bool = true

@description('Addresses of the containers: at least a /27.')
param appsPrefix string = '10.90.0.0/24'

@description('Zone of the names of Azure Managed Redis. Other clouds than the public one: requiredZoneNames of az network private-link-resource list')
param redisZone string = 'privatelink.redis.azure.net'

@description('Addresses of the private endpoints.')
param endpointsPrefix string = '10.90.1.0/27'

@description('Replicas over availability zones; the region must have them.')
param zoneRedundant bool = false

@description('Slack comes by HTTPS to the bot instead of Socket Mode. Opens the one inbound way there is.')
param slackHttp bool = false

@description('xoxb-…; empty leaves the secret as it is.')
@secure()
param slackBotToken string = ''

@description('xapp-…, for Socket Mode; empty leaves the secret as it is.')
@secure()
param slackAppToken string = ''

@description('For slackHttp; empty leaves the secret as it is.')
@secure()
param slackSigningSecret string = ''

@description('Most worker replicas; the queues decide how many run.')
@minValue(1)
@maxValue(30)
param maxWorkers int = 5

@description('Who is told by Azure Monitor when something is wrong: e-mail addresses.')
param alertEmails array = []

@description('No start in so long is an alert. 0 hours: a quiet fleet may have none.')
@allowed([
  0
  6
  24
  48
])
param noStartsHours int = 24

@description('How long decided approvals, restored containments and audit records are kept.')
@minValue(1)
param retentionDays int = 90

@description('A storage account is made into which the audit is copied, and for so many days nobody can overwrite or delete a copy. 0: none is made.')
@minValue(0)
@maxValue(146000)
param archiveDays int = 365

@description('A container of your own for these copies instead, https://ACCOUNT.blob.core.windows.net/CONTAINER: deploy/README.md says how to make it.')
param archiveUrl string = ''

@description('PagerDuty calls on-call, on what the policy says under oncall.page.')
param pagerDuty bool = false

@description('Where PagerDuty takes events; in the EU https://events.eu.pagerduty.com')
param pagerDutyUrl string = 'https://events.pagerduty.com'

@description('Integration key of the Events API V2; empty leaves the secret as it is.')
@secure()
param pagerDutyRoutingKey string = ''

@description('A webhook that calls on-call, https; empty for none.')
param pageWebhookUrl string = ''

@description('Signs what the webhook is sent, at least 32 characters: openssl rand -hex 32. Empty leaves the secret as it is.')
@secure()
param pageWebhookSecret string = ''

@description('Api-versions that this cloud serves where it lags behind: Microsoft.Network=2025-05-01,… startgate doctor names them.')
param apiVersions string = ''

@description('How often a synthetic start is sent through, to see that the way is open; 0 for none. Nobody is asked.')
@minValue(0)
@maxValue(3600)
param canaryEverySeconds int = 3600

// What Startgate calls the clouds: workers/runtime/cloud.py
var clouds = {
  AzureCloud: 'public'
  AzureUSGovernment: 'usgov'
  AzureChinaCloud: 'china'
}
var withArchive = archiveUrl == '' && archiveDays > 0
var withPages = pagerDuty || pageWebhookUrl != ''
var suffix = take(uniqueString(subscription().id, name, location), 8)

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: 'rg-${name}'
  location: location
  tags: tags
}

module logs 'modules/logs.bicep' = {
  name: 'startgate-logs'
  scope: group
  params: {
    name: name
    location: location
    tags: tags
    alertEmails: alertEmails
  }
}

module identities 'modules/identities.bicep' = {
  name: 'startgate-identities'
  scope: group
  params: {
    name: name
    location: location
    tags: tags
  }
}

module network 'modules/network.bicep' = if (privateNetwork) {
  name: 'startgate-network'
  scope: group
  params: {
    name: name
    location: location
    tags: tags
    apps: appsPrefix
    endpoints: endpointsPrefix
    redisZoneName: redisZone
    withServiceBus: serviceBusSku == 'Premium'
    withArchive: withArchive
  }
}

var endpointsSubnet = privateNetwork ? network.outputs.endpointsSubnetId : ''

module bus 'modules/servicebus.bicep' = {
  name: 'startgate-servicebus'
  scope: group
  params: {
    name: 'sb-${name}-${suffix}'
    location: location
    tags: tags
    sku: serviceBusSku
    units: serviceBusUnits
    subnetId: serviceBusSku == 'Premium' ? endpointsSubnet : ''
    dnsZoneId: privateNetwork && serviceBusSku == 'Premium' ? network.outputs.serviceBusZoneId : ''
    workersPrincipalId: identities.outputs.workersPrincipalId
    botPrincipalId: identities.outputs.botPrincipalId
    eventsPrincipalId: identities.outputs.eventsPrincipalId
    scalerPrincipalId: identities.outputs.scalerPrincipalId
    workspaceId: logs.outputs.workspaceId
  }
}

module deadLetters 'modules/deadletters.bicep' = {
  name: 'startgate-deadletters'
  scope: group
  params: {
    name: 'st${name}${suffix}'
    location: location
    tags: tags
    eventsPrincipalId: identities.outputs.eventsPrincipalId
  }
}

module redis 'modules/redis/redis.bicep' = {
  name: 'startgate-redis'
  scope: group
  params: {
    name: 'redis-${name}-${suffix}'
    location: location
    tags: tags
    sku: redisSku
    subnetId: endpointsSubnet
    dnsZoneId: privateNetwork ? network.outputs.redisZoneId : ''
    workersPrincipalId: identities.outputs.workersPrincipalId
    botPrincipalId: identities.outputs.botPrincipalId
    accessStrings: redisAccessStrings
    workspaceId: logs.outputs.workspaceId
  }
}

module secrets 'modules/secrets.bicep' = {
  name: 'startgate-secrets'
  scope: group
  params: {
    name: 'kv-${name}-${suffix}'
    location: location
    tags: tags
    subnetId: endpointsSubnet
    publicAccess: privateNetwork ? 'Disabled' : 'Enabled'
    dnsZoneId: privateNetwork ? network.outputs.keyVaultZoneId : ''
    botPrincipalId: identities.outputs.botPrincipalId
    slackBotToken: slackBotToken
    slackAppToken: slackAppToken
    slackSigningSecret: slackSigningSecret
    workspaceId: logs.outputs.workspaceId
  }
}

module pages 'modules/pages.bicep' = if (withPages) {
  name: 'startgate-pages'
  scope: group
  params: {
    name: 'kp-${name}-${suffix}'
    location: location
    tags: tags
    subnetId: endpointsSubnet
    publicAccess: privateNetwork ? 'Disabled' : 'Enabled'
    dnsZoneId: privateNetwork ? network.outputs.keyVaultZoneId : ''
    workersPrincipalId: identities.outputs.workersPrincipalId
    pagerDutyRoutingKey: pagerDutyRoutingKey
    pageWebhookSecret: pageWebhookSecret
    workspaceId: logs.outputs.workspaceId
  }
}

module archive 'modules/archive.bicep' = if (withArchive) {
  name: 'startgate-archive'
  scope: group
  params: {
    name: 'sa${name}${suffix}'
    location: location
    tags: tags
    subnetId: endpointsSubnet
    publicAccess: privateNetwork ? 'Disabled' : 'Enabled'
    dnsZoneId: privateNetwork ? network.outputs.blobZoneId : ''
    workersPrincipalId: identities.outputs.workersPrincipalId
    days: archiveDays
  }
}

module environmentOfApps 'modules/environment.bicep' = {
  name: 'startgate-environment'
  scope: group
  params: {
    name: 'cae-${name}'
    location: location
    tags: tags
    subnetId: privateNetwork ? network.outputs.appsSubnetId : ''
    internal: privateNetwork && !slackHttp
    zoneRedundant: zoneRedundant && privateNetwork
    workspaceId: logs.outputs.workspaceId
  }
}

module workers 'modules/workers.bicep' = {
  name: 'startgate-workers'
  scope: group
  params: {
    name: 'ca-${name}-workers'
    location: location
    tags: tags
    environmentId: environmentOfApps.outputs.id
    cloud: clouds[environment().name]
    image: image
    registryServer: registryServer
    identityId: identities.outputs.workersId
    identityClientId: identities.outputs.workersClientId
    scalerIdentityId: identities.outputs.scalerId
    serviceBusHost: bus.outputs.host
    serviceBusName: bus.outputs.name
    redisUrl: redis.outputs.url
    policy: policy
    archiveUrl: withArchive ? archive.outputs.url : archiveUrl
    pagesVaultUri: withPages ? pages.outputs.uri : ''
    pagerDuty: pagerDuty
    pagerDutyUrl: pagerDutyUrl
    pageWebhookUrl: pageWebhookUrl
    retentionDays: retentionDays
    apiVersions: apiVersions
    most: maxWorkers
    canaryEverySeconds: canaryEverySeconds
  }
}

module bot 'modules/bot.bicep' = {
  name: 'startgate-bot'
  scope: group
  params: {
    name: 'ca-${name}-bot'
    location: location
    tags: tags
    environmentId: environmentOfApps.outputs.id
    cloud: clouds[environment().name]
    image: image
    registryServer: registryServer
    identityId: identities.outputs.botId
    identityClientId: identities.outputs.botClientId
    serviceBusHost: bus.outputs.host
    redisUrl: redis.outputs.url
    vaultUri: secrets.outputs.uri
    policy: policy
    retentionDays: retentionDays
    slackHttp: slackHttp
  }
}

module alerts 'modules/alerts.bicep' = {
  name: 'startgate-alerts'
  scope: group
  params: {
    location: location
    tags: tags
    workspaceId: logs.outputs.workspaceId
    actionGroupId: logs.outputs.actionGroupId
    serviceBusId: bus.outputs.id
    redisId: redis.outputs.id
    workersId: workers.outputs.id
    workersName: workers.outputs.name
    botId: bot.outputs.id
    botName: bot.outputs.name
    noStartsHours: noStartsHours
    canaryEverySeconds: canaryEverySeconds
  }
}

module guarded 'modules/guarded.bicep' = [for id in guardedSubscriptions: {
  name: 'startgate-guarded-${uniqueString(id)}'
  scope: subscription(id)
  params: {
    name: name
    location: location
    tags: tags
    steps: steps
    withRole: !rolesAtManagementGroup
    workersPrincipalId: identities.outputs.workersPrincipalId
    eventsIdentityId: identities.outputs.eventsId
    startsQueueId: bus.outputs.startsQueueId
    deadLettersAccountId: deadLetters.outputs.accountId
    deadLettersContainer: deadLetters.outputs.container
    actionGroupId: logs.outputs.actionGroupId
  }
}]

@description('Principal of the workers: what management-group.bicep gives the role to.')
output workersPrincipalId string = identities.outputs.workersPrincipalId

@description('Principal of the bot.')
output botPrincipalId string = identities.outputs.botPrincipalId

@description('Where Slack sends requests, with slackHttp: https://HOST/slack/events')
output botHost string = bot.outputs.host

@description('Container app of the workers, for: az containerapp exec')
output workersName string = workers.outputs.name

@description('Container app of the bot.')
output botName string = bot.outputs.name

@description('Vault of the Slack secrets.')
output vaultName string = secrets.outputs.name

@description('Where the audit is copied; empty for nowhere.')
output archiveUrl string = withArchive ? archive.outputs.url : archiveUrl
